import HTTPProtocol
import Model
import Testing
import Wire

/// git's requests over HTTP/1.1: which they are, what of them is read, and how a refusal is told.
struct GitTests {
    private static let zero = String(repeating: "0", count: 40)
    private static let one = String(repeating: "1", count: 40)
    static let capabilities = "\0report-status side-band-64k"

    private static func line(_ text: String) -> String {
        let digits = String(text.utf8.count + 4, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits + text
    }

    private static func list(_ refs: String..., capabilities: String = capabilities) -> String {
        refs.enumerated().map { line("\(zero) \(one) \($1)\($0 == 0 ? capabilities : "")") }.joined() + "0000"
    }

    private static func post(_ body: String, framing: String? = nil) -> String {
        lines(
            "POST /x.git/git-receive-pack HTTP/1.1",
            "Host: allowed.test",
            "Content-Type: application/x-git-receive-pack-request",
            framing ?? "Content-Length: \(body.utf8.count)",
            body: body
        )
    }

    private static func play(_ ruling: Ruling = .allowed(injection: nil)) throws -> Playbook {
        try Playbook(
            Playbook.captured("allowed.test"),
            scheme: .https,
            placeholders: [CredentialsTests.placeholder]
        ) { $0.body.tells(.push) ? ruling : .read(.push) }
    }

    @Test(
        "C12 D06: a request is git's in its one spelling alone",
        arguments: [
            ("GET", "/x.git/info/refs?service=git-upload-pack", "", RequestKind.gitFetch),
            ("GET", "/x.git/info/refs?service=git-receive-pack", "", .gitPush),
            ("GET", "/info/refs?service=git-receive-pack", "", .gitPush),
            ("GET", "/x.git/./info//refs?service=git-upload-pack", "", .gitFetch),
            ("HEAD", "/x.git/info/refs?service=git-upload-pack", "", .plain),
            ("POST", "/x.git/info/refs?service=git-upload-pack", "", .plain),
            ("GET", "/x.git/info/refs", "", .plain),
            ("GET", "/x.git/info/refs?service=git-upload-pack&service=git-receive-pack", "", .plain),
            ("GET", "/x.git/info/refs?service=git-receive-pack&service=git-upload-pack", "", .plain),
            ("GET", "/x.git/info/refs?service=git-upload-pack&", "", .plain),
            ("GET", "/x.git/info/refs?service=git%2Dupload-pack", "", .plain),
            ("GET", "/x.git/info/refs?Service=git-upload-pack", "", .plain),
            ("GET", "/x.git/info/refs?service=git-upload-archive", "", .plain),
            ("GET", "/x.git/info%2Frefs?service=git-upload-pack", "", .plain),
            ("GET", "/x.git/HEAD?service=git-upload-pack", "", .plain),
            ("POST", "/x.git/git-upload-pack", "application/x-git-upload-pack-request", .gitFetch),
            ("POST", "/x.git/git-receive-pack", "application/x-git-receive-pack-request", .gitPush),
            ("POST", "/x.git/git%2Dreceive%2dpack", "application/x-git-receive-pack-request", .gitPush),
            ("POST", "/x.git/git-upload-pack", "application/x-git-receive-pack-request", .plain),
            ("POST", "/x.git/git-receive-pack", "application/x-git-upload-pack-request", .plain),
            ("POST", "/x.git/git-receive-pack", "text/plain", .plain),
            ("POST", "/x.git/git-receive-pack", "", .plain),
            ("POST", "/x.git/git-receive-pack?", "application/x-git-receive-pack-request", .plain),
            (
                "POST", "/x.git/git-upload-pack?git-receive-pack", "application/x-git-upload-pack-request",
                .plain
            ),
            ("PUT", "/x.git/git-receive-pack", "application/x-git-receive-pack-request", .plain),
            ("POST", "/x.git%2Fgit-receive-pack", "application/x-git-receive-pack-request", .plain),
            ("POST", "/git-receive-pack", "application/x-git-receive-pack-request", .gitPush),
        ]
    )
    func kinds(method: String, target: String, type: String, kind: RequestKind) throws {
        let play = try Playbook(Playbook.captured("allowed.test"), scheme: .https)
        let fields = ["\(method) \(target) HTTP/1.1", "Host: allowed.test", "Content-Length: 0"]
        try play.client(
            (fields + (type.isEmpty ? [] : ["Content-Type: \(type)"])).joined(separator: "\r\n") + "\r\n\r\n"
        )
        #expect(play.asked.map(\.kind) == [kind])
    }

    @Test(
        "D06: what was decided on goes on, octet by octet, and the pack is not waited for",
        arguments: [1, 3, 50, .max]
    )
    func forwarded(cut: Int) throws {
        let play = try Self.play()
        let list = Self.list("refs/heads/a", "refs/heads/b")
        let body = list + "PACK" + String(repeating: "p", count: 3_000)
        let whole = Self.post(body)
        // Not yet with the list alone: what follows it could be more of it.
        let early = whole.utf8.count - body.utf8.count + list.utf8.count
        try play.client(String(decoding: Array(whole.utf8).prefix(early), as: UTF8.self), cut: cut)
        #expect(play.asked.count == 1 && play.toUpstream.isEmpty)
        try play.client("PACKp", cut: cut)
        #expect(
            play.asked.map { $0.body.push?.updates.map(\.ref) } == [nil, ["refs/heads/a", "refs/heads/b"]]
        )
        #expect(play.asked.map(\.summary).last == "git push /x.git refs/heads/a refs/heads/b")
        #expect(play.toUpstream.hasSuffix(list + "PACKp"), "the list has gone on, the pack is still to come")
        try play.client(String(repeating: "p", count: 2_999), cut: cut)
        #expect(play.toUpstream.hasSuffix("\r\n\r\n" + body))
        try play.upstream(lines("HTTP/1.1 200 OK", "Content-Length: 2", body: "ok"))
        #expect(play.statuses == [200] && play.finished == 1 && !play.isClosed)
    }

    @Test("A list in chunks goes on in chunks, and one without a pack when the body ends")
    func chunks() throws {
        let play = try Self.play()
        let list = Self.list("refs/heads/a")
        func chunk(_ text: String) -> String { "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n" }
        let head = Self.post("", framing: "Transfer-Encoding: chunked")
        try play.client(head + chunk(String(list.prefix(20))) + chunk(String(list.dropFirst(20))))
        #expect(play.toUpstream.isEmpty)
        try play.client("0\r\n\r\n")
        #expect(play.toUpstream.hasSuffix("0\r\n\r\n") && play.asked.count == 2)
        let asking = try Self.play()
        try asking.client(Self.post("0000"))
        #expect(asking.asked.last?.body.push == GitPush([]) && asking.toUpstream.hasSuffix("\r\n\r\n0000"))
    }

    @Test(
        "D06: a list that is malformed, too large, signed or in another coding is refused by name",
        arguments: [
            (post("0001"), "malformed"), (post(list("refs/heads/a") + list("refs/heads/b")), "no pack"),
            (post(""), "it has no end"), (post("00a0" + one), "it has no end"),
            (post("fff0" + one), "more than 32768"),
            (post(line("push-cert\0x") + "0000"), "signed"),
        ]
    )
    func refused(request: String, says: String) throws {
        for cut in [1, .max] {
            let play = try Self.play()
            try play.client(request, cut: cut)
            #expect(play.asked.count == 1 && play.toUpstream.isEmpty)
            #expect(
                play.refused.count == 1 && play.refused.first?.message.contains(says) == true,
                "\(play.refused)"
            )
        }
    }

    @Test(
        "C34: what says that it is coded otherwise than git's server undoes is refused",
        arguments: [
            "br", "deflate", "gzip, gzip", "GZIP", "gzip\r\nContent-Encoding: identity", "zstd",
        ]
    )
    func codings(coding: String) throws {
        let play = try Self.play()
        try play.client(
            Self.post("", framing: "Content-Length: 8\r\nContent-Encoding: \(coding)") + "0000PACK"
        )
        #expect(play.refused.map(\.reason) == [.malformed] && play.toUpstream.isEmpty)
        let control = try Self.play()
        try control.client(
            Self.post("", framing: "Content-Length: 8\r\nContent-Encoding: identity") + "0000PACK"
        )
        #expect(control.refused.isEmpty && control.toUpstream.hasSuffix("0000PACK"))
    }

    @Test("D06: git is told of a refused push in its own words, ref by ref, when it has sent all of it")
    func told() throws {
        let play = try Self.play(.denied(Playbook.denial))
        let body = Self.list("refs/heads/a", "refs/heads/b") + "PACK" + String(repeating: "p", count: 300_000)
        try play.client(Self.post(body) + lines("GET /y HTTP/1.1", "Host: allowed.test"))
        #expect(play.statuses.first == 200 && play.toUpstream.isEmpty)
        #expect(play.toClient.contains("application/x-git-receive-pack-result"))
        let report =
            Self.line("unpack ok\n") + Self.line("ng refs/heads/a no-rule\n")
            + Self.line("ng refs/heads/b no-rule\n") + "0000"
        #expect(
            play.toClient.contains(
                Self.line("\u{2}GET http://allowed.test/ is not allowed; ask alice\n")
                    + Self.line("\u{1}\(report)") + "0000"
            )
        )
        #expect(play.asked.last?.summary == "GET /y", "the connection is kept")
    }

    @Test("What git asks for first is refused in plain text; a fetch in a line of its protocol")
    func openings() throws {
        let first = try Playbook(Playbook.captured("allowed.test"), scheme: .https) { _ in
            .denied(Playbook.denial)
        }
        try first.client(lines("GET /x/info/refs?service=git-upload-pack HTTP/1.1", "Host: allowed.test"))
        #expect(first.statuses == [403] && first.toClient.contains("text/plain"))
        #expect(first.toClient.hasSuffix("\r\n\r\nGET http://allowed.test/ is not allowed; ask alice\n"))
        let fetch = try Playbook(Playbook.captured("allowed.test"), scheme: .https) { _ in
            .denied(Playbook.denial)
        }
        try fetch.client(
            lines(
                "POST /x/git-upload-pack HTTP/1.1",
                "Host: allowed.test",
                "Content-Length: 4",
                "Content-Type: application/x-git-upload-pack-request",
                body: "0000"
            )
        )
        #expect(fetch.statuses == [200])
        #expect(
            fetch.toClient.hasSuffix(Self.line("ERR GET http://allowed.test/ is not allowed; ask alice\n"))
        )
        let push = try Playbook(Playbook.captured("allowed.test"), scheme: .https) { _ in
            .denied(Playbook.denial)
        }
        try push.client(Self.post("0000"))
        #expect(
            push.toClient.hasSuffix(
                Self.line("\u{3}GET http://allowed.test/ is not allowed; ask alice\n") + "0000"
            )
        )
    }

    @Test("A client that waits for 100 Continue is told to send the list")
    func expectation() throws {
        let play = try Self.play()
        let body = Self.list("refs/heads/a") + "PACK"
        try play.client(Self.post("", framing: "Content-Length: \(body.utf8.count)\r\nExpect: 100-continue"))
        #expect(play.statuses == [100] && play.toUpstream.isEmpty)
        try play.client(body)
        #expect(play.toUpstream.hasSuffix(body) && play.statuses == [100])
    }

    @Test("F04: a placeholder in a list is found before anything leaves")
    func placeholder() throws {
        let play = try Self.play()
        let list = Self.list("refs/heads/\(CredentialsTests.placeholder.value)")
        try play.client(Self.post(list + "PACK"))
        #expect(play.refused.map(\.reason) == [.placeholderMisused] && play.toUpstream.isEmpty)
    }
}
