import Foundation
import HTTPProtocol
import Model
import NIOHTTP1
import Reflection
import TestSupport
import Testing
import Wire

struct ReplySearchTests {
    static let secret = "s3cr3t-REAL"
    static let stars = "***********"

    private static func play(_ request: String = StateMachineTests.get) throws -> Playbook {
        let play = try CredentialsTests.play()
        try play.client(request)
        return play
    }

    @Test(arguments: [1, 2, 5, 1000])
    func `F09, F12: the credential is masked in names and values of fields, and in a body of known length`(
        cut: Int
    ) throws {
        let play = try Self.play()
        let body = "x=\(Self.secret)&\(Self.secret)"
        try play.upstream(
            lines(
                "HTTP/1.1 200 \(Self.secret)",
                "Location: https://x/?t=\(Self.secret)",
                "X-\(Self.secret): 1",
                "Content-Length: \(body.utf8.count)",
                body: body
            ),
            cut: cut
        )
        #expect(
            play.toClient
                == lines(
                    "HTTP/1.1 200 OK",
                    "Location: https://x/?t=\(Self.stars)",
                    "X-\(Self.stars): 1",
                    "content-length: \(body.utf8.count)",
                    body: "x=\(Self.stars)&\(Self.stars)"
                )
        )
        #expect(play.masked == [.header, .body])
        #expect(play.finished == 1)
    }

    @Test func `F11: chunk borders do not hide it, and trailers are masked`() throws {
        let play = try Self.play()
        let chunks = Self.secret.map { "1\r\n\($0)\r\n" }.joined()
        try play.upstream(
            lines(
                "HTTP/1.1 200 OK",
                "Transfer-Encoding: chunked",
                body: chunks + "0\r\nX-T: \(Self.secret)\r\n\r\n"
            )
        )
        #expect(play.toClient.contains("\(Self.stars)\r\n0\r\nX-T: \(Self.stars)\r\n\r\n"))
        #expect(play.masked == [.body, .trailer])
    }

    @Test func `What could begin it at the end of a body is passed on`() throws {
        let play = try Self.play()
        try play.upstream(lines("HTTP/1.1 200 OK", "Content-Length: 8", body: "a s3cr3t"))
        #expect(play.toClient.hasSuffix("a s3cr3t"))
        #expect(play.masked.isEmpty)
        let open = try Self.play()
        try open.upstream(lines("HTTP/1.1 200 OK", body: "b s3cr3t"))
        #expect(open.toClient.hasSuffix("b "))
        try open.upstreamEnds()
        #expect(open.toClient.hasSuffix("b s3cr3t"))
    }

    @Test func `F11: with a credential put in, no range is asked for, and no coding that cannot be undone`()
        throws
    {
        let request = lines(
            "GET / HTTP/1.1",
            "Host: allowed.test",
            "Range: bytes=1-1",
            "If-Range: x",
            "Accept-Encoding: gzip, dcb, *"
        )
        let play = try Self.play(request)
        #expect(play.toUpstream.contains("accept-encoding: gzip\r\n"))
        #expect(!play.toUpstream.lowercased().contains("range"))
        // The control: without one all of it is passed on.
        let other = try Playbook()
        try other.client(request)
        #expect(
            other.toUpstream.contains("Range: bytes=1-1\r\nIf-Range: x\r\nAccept-Encoding: gzip, dcb, *\r\n")
        )
    }

    @Test(arguments: ["HEAD / HTTP/1.1", "GET / HTTP/1.1"])
    func `Where there is no body, its coding is left out all the same`(line: String) throws {
        let play = try Self.play(lines(line, "Host: allowed.test"))
        let status = line.begins(with: "HEAD") ? "200 OK" : "304 Not Modified"
        try play.upstream(
            lines(
                "HTTP/1.1 \(status)",
                "Content-Encoding: gzip",
                "Content-Length: 9",
                "ETag: \"a\"",
                "Digest: b"
            )
        )
        #expect(play.toClient == lines("HTTP/1.1 \(status)", "etag: W/\"a\""))
        #expect(play.finished == 1)
    }

    @Test(arguments: ["compress", "gzip, gzip, gzip", "gzip, x"])
    func `A reply that cannot be searched is a 502 that says so`(coding: String) throws {
        let play = try Self.play()
        try play.upstream(
            lines("HTTP/1.1 200 OK", "Content-Encoding: \(coding)", "Content-Length: 1", body: "x")
        )
        #expect(play.statuses == [502])
        #expect(play.toClient.contains("cannot be searched"))
        #expect(play.refused.map(\.reason) == [.upstreamFailed])
        #expect(play.isClosed)
    }

    @Test func `A body that is not coded as it says cuts the connection`() throws {
        for body in ["plain", ""] {
            let play = try Self.play()
            try play.upstream(
                lines(
                    "HTTP/1.1 200 OK",
                    "Content-Encoding: gzip",
                    "Content-Length: \(body.utf8.count)",
                    body: body
                )
            )
            #expect(play.toClient.contains("transfer-encoding: chunked"))
            #expect(play.refused.isEmpty == body.isEmpty)
            #expect(play.toClient.hasSuffix("0\r\n\r\n") == body.isEmpty)
        }
    }

    private static func call(_ octets: [UInt8], cut: Int, encoding: String = "gzip") throws -> Playbook {
        let play = try Self.play()
        try play.upstream(
            lines(
                "HTTP/1.1 200 OK",
                "Content-Type: application/grpc",
                "Grpc-Encoding: \(encoding)",
                "Connection: close"
            )
        )
        for start in stride(from: 0, to: octets.count, by: cut) {
            try play.upstream(octets: Array(octets[start..<min(octets.count, start + cut)]))
        }
        try play.upstreamEnds()
        return play
    }

    @Test(arguments: [1, 2, 7, 1000])
    func `F10: a call's compressed messages are undone, searched, and passed on as they are`(cut: Int) throws
    {
        let octets =
            Calls.message(Calls.withSecret) + Calls.message("plain") + Calls.message([])
            + Calls.message(Calls.plain)
        let play = try Self.call(octets, cut: cut)
        #expect(!play.toClient.contains("s3cr3t") && !play.toClient.lowercased().contains("grpc-encoding"))
        let text = "auth=Bearer \(Self.stars); "
        #expect(play.toClient.contains(text + text + text), "\(play.toClient)")
        #expect(play.toClient.contains("plain") && play.toClient.contains("hello hello hello hello"))
        #expect(play.masked == [.body] && play.finished == 1)
        // The control: where nothing is looked for they stay as they are.
        let other = try Playbook()
        try other.client(StateMachineTests.get)
        try other.upstream(lines("HTTP/1.1 200 OK", "Content-Type: application/grpc", "Grpc-Encoding: gzip"))
        try other.upstream(octets: octets)
        #expect(other.octetsToClient.suffix(octets.count) == octets[...])
    }

    @Test func `A call's message is undone up to 4 MiB, and what is cut or broken ends the reply`() throws {
        var random = SplitMix(1)
        for (count, isWhole) in [(ReflectionLimits.message, true), (ReflectionLimits.message + 1, false)] {
            let noise = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let coded = try Process.gzip(noise, level: 1)
            let play = try Self.call(Calls.message(coded), cut: 65_536)
            #expect(play.refused.isEmpty == isWhole, "\(play.refused)")
            #expect((play.octetsToClient.count > count) == isWhole)
        }
        let whole = Calls.message(Calls.withSecret)
        for octets in [Array(whole.dropLast()), Calls.message(Calls.withSecret.dropLast()), [1, 0, 0]] {
            let play = try Self.call(octets, cut: 1000)
            #expect(play.refused.map(\.reason) == [.upstreamFailed])
            #expect(!play.toClient.contains("auth=") && play.finished == 0)
        }
    }

    @Test func `A call's message that is compressed without a word is refused where it must be searched`()
        throws
    {
        let play = try Self.call(Calls.message(Calls.withSecret), cut: 1000, encoding: "identity")
        #expect(play.refused.map(\.reason) == [.upstreamFailed])
        #expect(play.octetsToClient.suffix(10) != Calls.withSecret.suffix(10))
        // The control: those that are not come as they are.
        let plain = Calls.message("plain") + Calls.message("auth=\(Self.secret)")
        let other = try Self.call(plain, cut: 3, encoding: "identity")
        #expect(
            other.octetsToClient.suffix(plain.count)
                == (Calls.message("plain") + Calls.message("auth=\(Self.stars)"))[...]
        )
    }

    private static func send(_ secret: String, _ cache: SpellingsCache) throws {
        let host = Host.name(try #require(DNSName("allowed.test")))
        #expect(cache.spellings(ofField: "Bearer \(secret)", sentTo: host) != nil)
    }

    @Test func `F09: what a host is sent while a reply is under way is masked in the rest of it`() throws {
        let cache = SpellingsCache()
        let play = try Playbook(masking: cache)
        try play.client(StateMachineTests.get)
        let part = "x=\(Self.secret) "
        try play.upstream(lines("HTTP/1.1 200 OK", "Content-Length: \(4 * part.utf8.count)", body: part))
        #expect(play.toClient.hasSuffix(part), "the control: nothing was sent yet")
        try Self.send(Self.secret, cache)
        try play.upstream(part)
        #expect(play.toClient.hasSuffix("x=\(Self.stars) ") && play.masked == [.body])
        // Another one: both are looked for.
        try Self.send("another-REAL", cache)
        try play.upstream(part + "x=another-REA")
        try play.upstream("L\(part.dropFirst(15))")
        try play.upstreamEnds()
        #expect(play.toClient.hasSuffix("x=\(Self.stars) x=************"), "\(play.toClient)")
    }

    @Test func `F09: what a host is sent before the head of a reply is masked in all of it`() throws {
        let cache = SpellingsCache()
        let play = try Playbook(masking: cache)
        try play.client(StateMachineTests.get)
        try Self.send(Self.secret, cache)
        try play.upstream(
            lines("HTTP/1.1 200 OK", "X-A: \(Self.secret)", "content-length: 11", body: Self.secret)
        )
        #expect(
            play.toClient
                == lines("HTTP/1.1 200 OK", "X-A: \(Self.stars)", "content-length: 11", body: Self.stars)
        )
    }

    @Test(arguments: [("Content-Encoding: gzip", false), ("Content-Encoding: identity", true)])
    func `F09: a coded reply that is under way when its host is sent a credential is cut`(
        field: String,
        isPassed: Bool
    ) throws {
        let cache = SpellingsCache()
        let play = try Playbook(masking: cache)
        try play.client(StateMachineTests.get)
        try play.upstream(lines("HTTP/1.1 200 OK", field, "Content-Length: 4", body: "ab"))
        try Self.send(Self.secret, cache)
        try play.upstream("cd")
        #expect(play.refused.map(\.reason) == (isPassed ? [] : [.upstreamFailed]))
        #expect(play.toClient.hasSuffix("abcd") == isPassed)
    }

    @Test(arguments: ["snappy", "gzip, deflate", "gzip, gzip, gzip"])
    func `A call's coding that nobody here undoes is refused`(encoding: String) throws {
        let play = try Self.call(Calls.message(Calls.plain), cut: 1000, encoding: encoding)
        #expect(play.statuses == [502] && play.toClient.contains("cannot be searched"))
    }

    @Test(arguments: [
        ("utf-16", true), ("UTF-16LE", true), ("utf-8; charset=iso-8859-1", true), ("iso-2022-jp", true),
        ("\"Windows-1252\"", true), ("binary", true), ("'utf_8'", true), ("", true),
        ("utf-32", false), ("utf-7", false), ("ibm037", false), ("utf-8; charset=utf-7", false),
    ])
    func `F10: a reply in a charset in which a credential would not be found is refused`(
        charset: String,
        isPassed: Bool
    ) throws {
        let play = try Self.play()
        try play.upstream(
            lines(
                "HTTP/1.1 200 OK",
                "Content-Type: text/plain; charset=\(charset)",
                "Content-Length: 1",
                body: "x"
            )
        )
        #expect(play.statuses == [isPassed ? 200 : 502], "\(play.toClient)")
        #expect(play.toClient.contains("would not be found") == !isPassed)
    }

    @Test(
        arguments: [
            ("text/plain; charset=\(secret)", []), ("text/plain; charset=x-\(secret)", [.email]),
            ("application/\(secret)", [.email]),
        ] as [(String, MaskKinds)]
    )
    func `F12: a refusal that names the reply's type does not name a credential in it`(
        type: String,
        masks: MaskKinds
    ) throws {
        let play = try CredentialsTests.play(.allowed(injection: CredentialsTests.injection, masks: masks))
        try play.client(StateMachineTests.get)
        try play.upstream(lines("HTTP/1.1 200 OK", "Content-Type: \(type)", "Content-Length: 1", body: "x"))
        #expect(play.statuses == [502] && play.toClient.contains(Self.stars), "\(play.toClient)")
        #expect(!play.toClient.lowercased().contains(Self.secret.lowercased()))
        #expect(!play.refused.contains { $0.message.lowercased().contains(Self.secret.lowercased()) })
    }

    @Test(arguments: [false, true], [1, 3, 1000])
    func `F10: it is masked in UTF-16 of either byte order, which stays what it is`(
        isBig: Bool,
        cut: Int
    ) throws {
        func wide(_ text: String) -> [UInt8] { text.utf8.flatMap { isBig ? [0, $0] : [$0, 0] } }
        let play = try Self.play()
        let body = wide("auth=\(Self.secret);")
        try play.upstream(lines("HTTP/1.1 200 OK", "Content-Length: \(body.count)"))
        for start in stride(from: 0, to: body.count, by: cut) {
            try play.upstream(octets: Array(body[start..<min(body.count, start + cut)]))
        }
        #expect(play.octetsToClient.suffix(body.count) == wide("auth=\(Self.stars);")[...])
        #expect(play.masked == [.body])
    }

    @Test func `Without a credential nothing is looked for or changed`() throws {
        let play = try Playbook()
        try play.client(StateMachineTests.get)
        let reply = lines(
            "HTTP/1.1 200 OK",
            "Content-Encoding: compress",
            "content-length: 11",
            body: Self.secret
        )
        try play.upstream(reply)
        #expect(play.toClient == reply)
        #expect(play.masked.isEmpty)
    }

    @Test(arguments: ["12345", String(repeating: "a", count: 4097)])
    func `A credential that cannot be looked for is not sent`(value: String) throws {
        let play = try CredentialsTests.play(
            .allowed(injection: Injection(.field("authorization"), value: "Bearer \(value)"))
        )
        try play.client(StateMachineTests.get)
        #expect(play.statuses == [503])
        #expect(play.toUpstream.isEmpty)
        #expect(!play.toClient.contains(value))
    }
}

extension Process {
    /// By the program of that name.
    fileprivate static func gzip(_ octets: [UInt8], level: Int) throws -> [UInt8] {
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try Data(octets).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/gzip")
        process.arguments = ["-\(level)", "-c", file.path]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let coded = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Array(coded)
    }
}
