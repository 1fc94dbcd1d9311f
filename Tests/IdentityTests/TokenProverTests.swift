import CryptoExtras
import Foundation
import Identity
import Model
import Synchronization
import Testing

/// Answers for issuers and CI systems, and remembers what it was asked.
final class ScriptedTransport: DocumentTransport {
    private let state = Mutex<(answers: [String: FormReply], asked: [String])>(([:], []))

    var asked: [String] { state.withLock { $0.asked } }

    func answer(_ address: String, _ body: [UInt8], status: Int = 200) {
        state.withLock { $0.answers[address] = FormReply(status: status, body: body) }
    }

    func silence(_ address: String) { state.withLock { $0.answers[address] = nil } }

    func get(_ query: DocumentQuery) throws(DocumentFailure) -> FormReply {
        let (address, authorization) = ("\(query.address)", query.authorization)
        let reply = state.withLock { state in
            state.asked.append(address + (authorization.map { " \($0)" } ?? ""))
            return state.answers[address]
        }
        guard let reply else { throw DocumentFailure("it did not answer within 5 s") }
        return reply
    }
}

@Suite("Keys of issuers")
struct TokenProverTests {
    private let transport = ScriptedTransport()
    private let discovery = "https://issuer.test/realm/.well-known/openid-configuration"
    private let address = "https://issuer.test/keys"

    private final class Clock: Sendable {
        let uptime = Atomic<UInt64>(1_000_000)
    }

    private let clock = Clock()

    private func prover(_ issuer: Issuer = .testing()) throws -> TokenProver {
        transport.answer(
            discovery,
            Array(#"{"issuer":"\#(Draft.url)","jwks_uri":"\#(address)","more":[1]}"#.utf8)
        )
        transport.answer(address, try IssuerKeyring.first.get().set())
        return TokenProver(
            [issuer],
            transport: transport,
            clock: { Draft.now },
            uptime: { [clock] in clock.uptime.load(ordering: .relaxed) }
        )
    }

    private func pass(_ milliseconds: UInt64) { clock.uptime.add(milliseconds, ordering: .relaxed) }

    private func rotated() throws -> IdentityToken {
        var draft = Draft(kid: "rsa-2")
        draft.keys = IssuerKeyring.second
        return try draft.token()
    }

    @Test("Keys are found by discovery, once for many tokens, and anew when their life is over")
    func cached() throws {
        let prover = try prover()
        for _ in 0..<3 { #expect(try prover.identity(of: Draft().token()).issuer == "ci") }
        #expect(transport.asked == [discovery, address])
        pass(3_600_000)
        _ = try prover.identity(of: Draft().token())
        #expect(transport.asked.count == 4)
    }

    @Test("An issuer that does not answer: the keys known are used within their life, and then refused")
    func silent() throws {
        let prover = try prover()
        _ = try prover.identity(of: Draft().token())
        transport.silence(discovery)
        pass(3_599_999)
        _ = try prover.identity(of: Draft().token())
        pass(1)
        #expect(throws: TokenFault.self) { try prover.identity(of: Draft().token()) }
        let asked = transport.asked.count
        #expect(throws: TokenFault.self) { try prover.identity(of: Draft().token()) }
        #expect(transport.asked.count == asked, "it is not asked again at once")
        transport.answer(discovery, Array(#"{"issuer":"\#(Draft.url)","jwks_uri":"\#(address)"}"#.utf8))
        pass(5_000)
        _ = try prover.identity(of: Draft().token())
    }

    @Test("An unknown key is asked for once, and then not for a while, whatever tokens come")
    func unknown() throws {
        let prover = try prover()
        _ = try prover.identity(of: Draft().token())
        for index in 0..<20 {
            #expect(throws: TokenFault.self) { try prover.identity(of: Draft(kid: "x\(index)").token()) }
        }
        #expect(transport.asked.count == 4)
        pass(30_000)
        #expect(throws: TokenFault.self) { try prover.identity(of: Draft(kid: "y").token()) }
        #expect(transport.asked.count == 6)
        _ = try prover.identity(of: Draft().token())
    }

    @Test(
        "A key that the issuer has rotated in is taken with the first token that names it, and the old one is gone"
    )
    func rotation() throws {
        let prover = try prover()
        _ = try prover.identity(of: Draft().token())
        transport.answer(address, try IssuerKeyring.second.get().set("-2"))
        #expect(try prover.identity(of: rotated()).issuer == "ci")
        #expect(throws: TokenFault.self) { try prover.identity(of: Draft().token()) }
    }

    @Test("An issuer whose tokens name no key has rotated it: asked once more, and then not for a while")
    func rotationWithoutIDs() throws {
        func set(_ keys: IssuerKeyring) throws -> [UInt8] {
            let numbers = try keys.rsa.publicKey.getKeyPrimitives()
            return Array(
                #"{"keys":[{"kty":"RSA","kid":"any","n":"\#(numbers.modulus.url)","e":"\#(numbers.publicExponent.url)"}]}"#
                    .utf8
            )
        }
        func token(_ keys: Result<IssuerKeyring, any Error>) throws -> IdentityToken {
            var draft = Draft()
            draft.header = #"{"typ":"JWT","alg":"RS256"}"#
            draft.keys = keys
            return try draft.token()
        }
        let prover = try prover()
        transport.answer(address, try set(IssuerKeyring.first.get()))
        _ = try prover.identity(of: token(IssuerKeyring.first))
        pass(1)
        transport.answer(address, try set(IssuerKeyring.second.get()))
        #expect(try prover.identity(of: token(IssuerKeyring.second)).issuer == "ci")
        pass(1)
        for _ in 0..<5 {
            #expect(throws: TokenFault.self) { try prover.identity(of: token(IssuerKeyring.first)) }
        }
        #expect(transport.asked.count == 4)
    }

    @Test("While the issuer cannot be asked for a new key, tokens of the known ones are still taken")
    func rotationFails() throws {
        let prover = try prover()
        _ = try prover.identity(of: Draft().token())
        transport.silence(address)
        #expect(throws: TokenFault.self) { try prover.identity(of: rotated()) }
        _ = try prover.identity(of: Draft().token())
    }

    @Test(
        "A configuration that is another issuer's, or leads to no https URL, is refused",
        arguments: [
            #"{"issuer":"https://issuer.test/other","jwks_uri":"https://issuer.test/keys"}"#,
            #"{"issuer":"https://issuer.test/realm","jwks_uri":"http://issuer.test/keys"}"#,
            #"{"issuer":"https://issuer.test/realm","jwks_uri":"https://a@issuer.test/keys"}"#,
            #"{"issuer":"https://issuer.test/realm"}"#, "", "<html>",
        ]
    )
    func discoveryRefused(text: String) throws {
        let prover = try prover()
        transport.answer(discovery, Array(text.utf8))
        #expect(throws: TokenFault.self) { try prover.identity(of: Draft().token()) }
        #expect(transport.asked == [discovery])
    }

    @Test(
        "Keys may lie at a URL that is configured, which alone is asked, and anew for an id that they do not have"
    )
    func configuredAddress() throws {
        let other = "https://keys.test/of/ci.json"
        let address = try #require(WebAddress(other))
        let prover = try prover(.testing { $0.keys = .url(address) })
        #expect(throws: TokenFault.self) { try prover.identity(of: Draft().token()) }
        pass(5_000)
        transport.answer(other, try IssuerKeyring.first.get().set())
        for _ in 0..<3 { #expect(try prover.identity(of: Draft().token()).issuer == "ci") }
        #expect(transport.asked == [other, other])
        for index in 0..<5 {
            #expect(throws: TokenFault.self) { try prover.identity(of: Draft(kid: "x\(index)").token()) }
        }
        #expect(transport.asked == [other, other, other])
    }

    @Test("Keys may lie in a file, which is read at each use")
    func file() throws {
        let path = NSTemporaryDirectory() + "bailey-keys-\(UUID().uuidString)"
        try Data(IssuerKeyring.first.get().set()).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let prover = try prover(.testing { $0.keys = .file(path) })
        _ = try prover.identity(of: Draft().token())
        try Data(IssuerKeyring.second.get().set("-2")).write(to: URL(filePath: path))
        _ = try prover.identity(of: rotated())
        #expect(throws: TokenFault.self) { try prover.identity(of: Draft().token()) }
        #expect(transport.asked.isEmpty)
        try FileManager.default.removeItem(atPath: path)
        let absent = #expect(throws: TokenFault.self) { try prover.identity(of: Draft().token()) }
        #expect(
            absent?.reason.contains("its key set \(path) cannot be read: No such file") == true,
            "\(String(describing: absent))"
        )
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let folder = #expect(throws: TokenFault.self) { try prover.identity(of: Draft().token()) }
        #expect(folder?.reason.contains("it is not a file") == true, "\(String(describing: folder))")
    }

    @Test(
        "A token is taken only from an issuer that is configured, and for files where it is configured for them"
    )
    func issuers() throws {
        let stranger = try Draft(issuer: "https://other.test").token()
        let fault = #expect(throws: TokenFault.self) { try self.prover().identity(of: stranger) }
        #expect(
            fault?.description.contains(
                "\"https://other.test\", which is not configured; issuers in bailey.yaml says which"
            )
                == true && fault?.description.contains("ci (\(Draft.url))") == true
        )
        let prover = try prover(.testing { $0.sources = [.gitHubActions] })
        #expect(throws: TokenFault.self) { try prover.identity(of: Draft().token()) }
        _ = try prover.identity(of: Draft().token(), from: "ci")
        #expect(throws: TokenFault.self) { try prover.identity(of: stranger, from: "ci") }
    }
}

@Suite("Where tokens come from")
struct TokenSourceTests {
    private let gitHub = [
        "GITHUB_ACTIONS": "true",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://pipelines.test/token?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "job-secret",
    ]

    private func source(_ kind: Issuer.Source, _ environment: [String: String]) throws -> TokenSource? {
        try TokenSource(kind, in: environment, entries: environment.map { "\($0)=\($1)" })
    }

    @Test("GitHub's endpoint is asked as GitHub documents it")
    func asked() throws {
        let transport = ScriptedTransport()
        let url = "https://pipelines.test/token?api-version=2.0&audience=https%3A%2F%2Fb.test%2Fx"
        transport.answer(url, Array(#"{"count":1,"value":"a.b.c"}"#.utf8))
        let source = try #require(try source(.gitHubActions, gitHub))
        #expect(try source.token(for: "https://b.test/x", by: transport).text == "a.b.c")
        #expect(transport.asked == [url + " bearer job-secret"])
        for (status, body) in [
            (403, "a.b.c"), (200, ""), (200, #"{"value":1}"#), (302, #"{"value":"a.b.c"}"#),
        ] {
            transport.answer(url, Array(body.utf8), status: status)
            let failure = #expect(throws: TokenSourceFailure.self) {
                try source.token(for: "https://b.test/x", by: transport)
            }
            #expect(
                failure?.reason.contains("job-secret") == false && failure?.reason.contains("a.b.c") == false
            )
        }
    }

    @Test("A job is recognised by all of its system's variables, and not by some")
    func recognised() throws {
        for name in gitHub.keys {
            #expect(try source(.gitHubActions, gitHub.filter { $0.key != name }) == nil, "without \(name)")
            #expect(try source(.gitHubActions, gitHub.merging([name: ""]) { $1 }) == nil, "empty \(name)")
        }
        #expect(try source(.gitLab, gitHub) == nil)
        let gitLab = ["GITLAB_CI": "true", "BAILEY_ID_TOKEN": "a.b.c"]
        #expect(try source(.gitLab, gitLab)?.token(for: "", by: ScriptedTransport()).text == "a.b.c")
        for name in gitLab.keys { #expect(try source(.gitLab, gitLab.filter { $0.key != name }) == nil) }
        #expect(try source(.file, gitLab.merging(gitHub) { $1 }) == nil)
        let plain = ["ACTIONS_ID_TOKEN_REQUEST_URL": "http://pipelines.test/token"]
        #expect(throws: TokenSourceFailure.self) { try source(.gitHubActions, gitHub.merging(plain) { $1 }) }
    }

    @Test("Buildkite's program is run with the job's environment, as Buildkite documents it")
    func buildkite() throws {
        let folder = NSTemporaryDirectory() + "bailey-buildkite-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let program = folder + "/buildkite-agent"
        try """
        #!/bin/sh
        [ "$BUILDKITE_AGENT_ACCESS_TOKEN" = secret ] || exit 3
        [ "$*" = "oidc request-token --audience bailey" ] || exit 4
        echo a.b.c; echo secret >&2
        """.write(toFile: program, atomically: true, encoding: .utf8)
        var job = [
            "BUILDKITE": "true", "BUILDKITE_JOB_ID": "1", "BUILDKITE_AGENT_ACCESS_TOKEN": "secret",
            "PATH": "relative:\(folder):/usr/bin:/bin",
        ]
        #expect(throws: TokenSourceFailure.self, "not executable") { try source(.buildkite, job) }
        chmod(program, 0o755)
        let found = try #require(try source(.buildkite, job))
        #expect(try found.token(for: "bailey", by: ScriptedTransport()).text == "a.b.c")
        let failure = #expect(throws: TokenSourceFailure.self) {
            try found.token(for: "other", by: ScriptedTransport())
        }
        #expect(failure?.reason.contains("ended with 4") == true)
        job["BUILDKITE_JOB_ID"] = nil
        #expect(try source(.buildkite, job) == nil)
    }

    @Test("A file holds one line and nothing else")
    func file() throws {
        let path = NSTemporaryDirectory() + "bailey-token-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        for (text, isOne) in [
            ("a.b.c", true), ("a.b.c\n", true), ("a.b.c\r\n", true), ("", false), ("\n", false),
            ("a b", false),
            ("a.b.c\n\n", false), ("a\0b", false), (String(repeating: "a", count: 16_385), false),
        ] {
            try Data(text.utf8).write(to: URL(filePath: path))
            let token = try? TokenSource.file(path).token(for: "", by: ScriptedTransport())
            #expect((token != nil) == isOne, "\(text.prefix(10))")
        }
        #expect(throws: TokenSourceFailure.self) {
            try TokenSource.file(path + "-absent").token(for: "", by: ScriptedTransport())
        }
    }
}
