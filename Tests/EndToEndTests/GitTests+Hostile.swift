import Foundation
import Testing

extension EndToEnd.GitTests {
    /// A client by hand: `push(body, …)` gives status and answer, `commands` what a list is made of.
    private static let client = #"""
        import gzip, hashlib, os, socket, ssl, sys
        host, port, repository = os.environ["ADDRESS"], int(os.environ["PORT"]), os.environ["REPOSITORY"]
        zero = "0" * 40
        empty = b"PACK\0\0\0\2\0\0\0\0"
        empty += hashlib.sha1(empty).digest()

        def exchange(octets, cut=1 << 20):
            context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
            peer = context.wrap_socket(socket.create_connection((host, port), 20), server_hostname="allowed.test")
            try:
                for start in range(0, len(octets), cut): peer.sendall(octets[start:start + cut])
            except OSError: pass
            answer = b""
            try:
                while part := peer.recv(65536): answer += part
            except OSError: pass
            return int(answer[9:12] or 0), answer

        def line(text): return b"%04x" % (len(text) + 4) + text
        def command(ref, more="", new=None, old=zero):
            return line(("%s %s %s" % (old, new or tip, ref)).encode() + more.encode())
        def head(method, target, *fields):
            return ("\r\n".join(["%s %s HTTP/1.1" % (method, target), "Host: allowed.test:%d" % port, "Connection: close",
                *fields]) + "\r\n\r\n").encode()
        def get(target): return exchange(head("GET", target))
        def push(body, path=None, kind="receive", cut=1 << 20, coding=None, chunks=None):
            fields = ["Content-Type: application/x-git-%s-pack-request" % kind]
            if coding: fields.append("Content-Encoding: " + coding)
            if chunks:
                fields.append("Transfer-Encoding: chunked")
                body = b"".join(b"%x\r\n%s\r\n" % (len(body[n:n + chunks]), body[n:n + chunks])
                    for n in range(0, len(body), chunks)) + b"0\r\n\r\n"
            else: fields.append("Content-Length: %d" % len(body))
            return exchange(head("POST", path or repository + "/git-receive-pack", *fields) + body, cut)
        def made(answer): return "ok" if b"ok refs" in answer[1] and b"ng refs" not in answer[1] else "no"

        advertised = get(repository + "/info/refs?service=git-upload-pack")[1]
        tip = advertised[advertised.index(b" HEAD\0") - 40:][:40].decode()
        report = "\0report-status"
        cases = {}
        """#

    private func run(_ cases: String, confined: Bool) throws -> [String: String] {
        try place.write(
            Self.client + "\n" + cases + "\nfor name, answer in cases.items(): print(name, made(answer))\n",
            to: "workspace/client.py"
        )
        let environment = [
            "PORT": "\(server.ports[0])", "REPOSITORY": repository,
            "ADDRESS": confined ? "allowed.test" : "127.0.0.1",
        ]
        let outcome: Outcome
        if confined {
            let words = environment.map { "\($0)=\($1)" }.sorted().joined(separator: " ")
            outcome = try place.agent("\(words) python3 client.py", profile: "git")
        } else {
            outcome = try place.control(
                "python3 client.py",
                environment: environment.merging(["SSL_CERT_FILE": Servers.started().folder + "/ca.pem"]) {
                    $1
                }
            )
        }
        try #require(outcome.code == 0, "\(outcome)")
        let pairs = outcome.lines.map { $0.split(separator: " ").map(String.init) }
        return Dictionary(pairs.map { ($0[0], $0[1]) }) { $1 }
    }

    /// Runs the same cases without Bailey and as an agent; gives the refs that each changed.
    private func both(
        _ cases: String
    ) throws -> (free: [String], confined: [String], answers: [String: String]) {
        func changed() throws -> [String] {
            try server.refs(of: repository).compactMap { $0.split(separator: " ").first.map(String.init) }
        }
        _ = try run(cases.replacing("REFS", with: "refs/heads/free"), confined: false)
        let free = try changed()
        let answers = try run(cases.replacing("REFS", with: "refs/heads/agent"), confined: true)
        return (free, Array(Set(try changed()).subtracting(free)).sorted(), answers)
    }

    @Test("D06: an honest list passes whole, in pieces, in chunks and in gzip; each is decided by its refs")
    func honest() throws {
        let found = try both(
            """
            for name, options in {"whole": {}, "octets": {"cut": 1}, "chunks": {"chunks": 1}, "pieces": {"chunks": 7, "cut": 5}}.items():
                cases[name] = push(command("REFS/" + name, report) + b"0000" + empty, **options)
            cases["gzip"] = push(gzip.compress(command("REFS/gzip", report) + b"0000" + empty), coding="gzip")
            cases["two"] = push(command("REFS/a", report) + command("REFS/b") + b"0000" + empty)
            """
        )
        let names = ["a", "b", "chunks", "gzip", "octets", "pieces", "whole"]
        #expect(found.free == names.map { "refs/heads/free/\($0)" }, "the control")
        #expect(found.confined == names.map { "refs/heads/agent/\($0)" }, "\(found)")
    }

    @Test("D06: a ref that is not allowed is not reached, however the list is cut, coded or addressed")
    func reached() throws {
        let found = try both(
            """
            def both(name): return command("REFS/" + name, report) + command("refs/heads/taken-" + name) + b"0000" + empty
            cases["whole"] = push(both("whole"))
            cases["octets"] = push(both("octets"), cut=1)
            cases["chunks"] = push(both("chunks"), chunks=1)
            cases["gzip"] = push(gzip.compress(both("gzip")), coding="gzip")
            cases["dash"] = push(both("dash"), path=repository + "/git-receive%2Dpack")
            cases["dots"] = push(both("dots"), path="/other/.." + repository + "/git-receive-pack")
            cases["slash"] = push(both("slash"), path=repository + "%2Fgit-receive-pack")
            cases["query"] = push(both("query"), path=repository + "/git-receive-pack?git-upload-pack")
            """
        )
        let names = ["chunks", "dash", "dots", "gzip", "octets", "query", "slash", "whole"]
        #expect(
            names.allSatisfy {
                found.free.contains("refs/heads/taken-\($0)") && found.free.contains("refs/heads/free/\($0)")
            },
            "the control: \(found.free)"
        )
        #expect(found.confined.isEmpty, "\(found)")
        #expect(found.answers.values.allSatisfy { $0 == "no" } && found.answers.count == names.count)
    }

    @Test("D06: lists by which a server and a reader could come apart change nothing")
    func apart() throws {
        let hidden = try both(
            """
            taken = "refs/heads/taken"
            cases["behind"] = push(command("REFS/a", report) + b"0000" + command(taken) + b"0000" + empty)
            cases["options"] = push(command("REFS/a", report + " push-options") + b"0000" + command(taken) + empty)
            cases["joined"] = push(line((zero + " " + tip + " REFS/b\\n" + zero + " " + tip + " " + taken).encode()) + b"0000" + empty)
            cases["nul"] = push(command("REFS/c", report + "\\0" + taken) + b"0000" + empty)
            cases["short"] = push(command("REFS/d", report)[:-20] + command(taken) + b"0000" + empty)
            cases["delimiter"] = push(command("REFS/e", report) + b"0001" + command(taken) + b"0000" + empty)
            cases["dotdot"] = push(command("REFS/../taken", report) + b"0000" + empty)
            cases["certificate"] = push(line(b"push-cert" + report.encode()) + line(("\\n" + zero + " " + tip + " " + taken).encode())
                + line(b"push-cert-end\\n") + b"0000" + empty)
            cases["upload"] = push(command(taken, report) + b"0000" + empty, path=repository + "/git-upload-pack", kind="upload")
            cases["kind"] = push(command(taken, report) + b"0000" + empty, path=repository + "/git-upload-pack")
            cases["bomb"] = push(gzip.compress(line(("shallow " + tip).encode()) * 50000), coding="gzip")
            cases["long"] = push(b"".join(command("REFS/%d" % n, "" if n else report) for n in range(1000)) + b"0000" + empty)
            cases["coded"] = push(command("REFS/f", report) + b"0000" + empty, coding="gzip")
            """
        )
        #expect(
            hidden.free.contains("refs/heads/free/999"),
            "the control: what is only too large is taken by the server"
        )
        #expect(!hidden.confined.contains { !$0.hasPrefix("refs/heads/agent/") }, "\(hidden)")
        #expect(hidden.confined.isEmpty, "\(hidden)")
        #expect(Set(hidden.answers.values) == ["no"] && hidden.answers.count == 13, "\(hidden.answers)")
        let reasons = try place.records(["--denied"]).compactMap(\.record.message)
        for words in ["no pack", "signed", "git-check-ref-format", "more than 32768", "has the length 1"] {
            #expect(reasons.contains { $0.contains(words) }, "\(words): \(reasons)")
        }
    }

    @Test(
        "D06 C12: git fetch allows no push, with or without its first request, nor one for which service is there twice"
    )
    func verbs() throws {
        try rules(allow: ["git fetch"])
        let cases = """
            cases["push"] = push(command("REFS/a", report) + b"0000" + empty)
            for name, query in {"first": "git-upload-pack&service=git-receive-pack", "last": "git-receive-pack&service=git-upload-pack",
                    "dash": "git-receive%2Dpack", "only": "git-receive-pack"}.items():
                answer = get(repository + "/info/refs?service=" + query)
                cases[name] = (0, b"ok refs" if b"service=git-receive-pack" in answer[1].split(b"\\r\\n\\r\\n", 1)[1] else b"")
            """
        let found = try both(cases)
        #expect(found.free == ["refs/heads/free/a"] && found.confined.isEmpty, "\(found)")
        #expect(Set(found.answers.values) == ["no"], "\(found.answers)")
        let control = try run(cases.replacing("REFS", with: "refs/heads/free2"), confined: false)
        #expect(
            control["push"] == "ok" && control["only"] == "ok" && control["dash"] == "ok"
                && control["first"] == "ok"
        )
    }
}
