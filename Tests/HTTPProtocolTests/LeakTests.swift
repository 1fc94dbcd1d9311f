import Foundation
import HTTPProtocol
import Model
import NIOHTTP1
import Reflection
import Testing
import Wire

struct LeakTests {
    private static let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
    private static let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----\n"
    private static let rule = RuleReference(text: "https://allowed.test: allow POST", source: "ci.yaml:7")
    private static let hop = Hop(
        agent: AgentID(run: "0a1b2c3d", ordinal: 1),
        name: "ci",
        profile: "ci",
        profileDigest: "00"
    )

    private static func play(_ kinds: MaskKinds = []) throws -> Playbook {
        try Playbook(decide: { _ in
            .allowed(injection: nil, sending: Sending(kinds: kinds, rule: rule, decidedBy: hop))
        })
    }

    private static func post(_ body: String, fields: String...) -> String {
        let head = ["POST /x HTTP/1.1", "Host: allowed.test"] + fields
        return head.joined(separator: "\r\n") + "\r\nContent-Length: \(body.utf8.count)\r\n\r\n" + body
    }

    private static func get(_ target: String = "/", _ fields: String...) -> String {
        (["GET \(target) HTTP/1.1", "Host: allowed.test"] + fields).joined(separator: "\r\n") + "\r\n\r\n"
    }

    static let heads: [(String, String)] = [
        (get("/x?t=\(token)"), "the request target"), (get("/\(token)/x"), "the request target"),
        (get("/x?t=%67hp_16C7e42F292c6912E7710c838347Ae178B4a"), "the request target"),
        (get("/", "X-Token: \(token)"), "header field x-token"),
        (get("/", "Authorization: Bearer \(token)"), "header field authorization"),
        (
            get("/", "Authorization: Basic \(Data("me:\(token)".utf8).base64EncodedString())"),
            "header field authorization"
        ),
        (get("/", "Cookie: a=1; t=\(token)"), "header field cookie"),
    ]

    @Test(arguments: heads)
    func
        `A token in a head is refused, nothing of it goes on, and the answer says where and who may change it`(
            request: String,
            place: String
        ) throws
    {
        let play = try Self.play()
        try play.client(request)
        #expect(play.toUpstream.isEmpty)
        #expect(play.statuses == [403])
        let denial = try #require(play.refused.first)
        #expect(denial.reason == .secretLeaving)
        #expect(
            denial.message
                == "what has the shape of a provider's token is in \(place), and the rule \(Self.rule) does not name it"
        )
        #expect(denial.rule == Self.rule && denial.decidedBy == Self.hop)
        #expect(denial.remedy.contains("profile \"ci\", to write send: [token] into that rule"))
        #expect(!play.toClient.contains("16C7e42F") && !"\(denial)".contains("16C7e42F"))
    }

    @Test(arguments: heads)
    func `A rule that names tokens lets them out`(request: String, place: String) throws {
        let play = try Self.play([.token])
        try play.client(request)
        #expect(!play.toUpstream.isEmpty && play.refused.isEmpty)
    }

    @Test(arguments: [
        token, key, "{\"t\": \"\(token)\"}", "t=ghp%5F\(token.dropFirst(4))&x",
        "\"\\u0067\(token.dropFirst())\"",
    ])
    func `In a body it ends the request before its last octet goes on, wherever it is cut`(
        body: String
    ) throws {
        for cut in [1, 7, 64, 10_000] {
            let play = try Self.play()
            try play.client(Self.post(body), cut: cut)
            #expect(play.refused.map(\.reason) == [.secretLeaving], "cut \(cut)")
            #expect(play.refused.first?.message.contains("the request body") == true)
            let sent = play.toUpstream.components(after: "\r\n\r\n").first.map { $0.utf8.count } ?? 0
            #expect(sent < body.utf8.count, "cut \(cut)")
            #expect(play.isClosed && play.statuses == [403])
        }
    }

    @Test func `A chunked body that ends with a token never gets its last chunk`() throws {
        for token in [Self.token, "glpat-0a1B2c3D4e5F6g7H8i9J", "sk-abcdefghij0123456789"] {
            let play = try Self.play()
            let chunks = token.map { "1\r\n\($0)\r\n" }.joined() + "0\r\n\r\n"
            try play.client(
                "POST / HTTP/1.1\r\nHost: allowed.test\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
            )
            #expect(play.refused.map(\.reason) == [.secretLeaving])
            #expect(!play.toUpstream.hasSuffix("0\r\n\r\n"))
        }
    }

    @Test func `A trailer with a token is refused`() throws {
        let play = try Self.play()
        try play.client(
            "POST / HTTP/1.1\r\nHost: allowed.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: \(Self.token)\r\n\r\n"
        )
        #expect(play.refused.first?.message.contains("is in a trailer field") == true)
        #expect(play.refused.map(\.reason) == [.secretLeaving])
    }

    @Test(arguments: [
        "npm_package_dependencies_some_very_long_name_1", "ghp_" + String(repeating: "x", count: 36),
        "task-sk-abc",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_def-123", "aghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "hf_transformers_model_hub_downloads", "-----BEGIN PUBLIC KEY-----\nMIIB\n", "SG.a.b",
        "AKIAIOSFODNN7EXAMPLE",
        "c2tfbGl2ZV9hYmM/AIzaSyA1234567890abcdefghijklmnopqrstu=", "person@example.org 4111111111111111",
    ])
    func `What is no sure token goes on`(body: String) throws {
        let play = try Self.play()
        try play.client(Self.post(body))
        #expect(play.refused.isEmpty, "\(play.refused)")
        #expect(play.toUpstream.hasSuffix(body))
    }

    @Test(arguments: ["gzip", "br", "compress", "aws-chunked"])
    func `A coded body is decoded, and one that cannot be is refused`(coding: String) throws {
        let play = try Self.play()
        try play.client(Self.post("plain text", fields: "Content-Encoding: \(coding)"))
        guard coding != "aws-chunked" else {
            #expect(play.toUpstream.hasSuffix("plain text"))
            return
        }
        #expect(play.refused.map(\.reason) == [.secretLeaving])
        #expect(play.toClient.contains("cannot be searched for secrets"))
        #expect(!play.toUpstream.hasSuffix("plain text"))
    }

    @Test func `The value of a credential that was put in leaves in no spelling, whatever the rule names`()
        throws
    {
        let secret = "s3cr3t-REAL-value"
        let injection = Injection(.field("authorization"), value: "Bearer \(secret)")
        let all = Sending.everything
        let base64 = Data("x\(secret)".utf8).base64EncodedString()
        let hex = secret.utf8.map { String($0, radix: 16) }.joined()
        for spelling in [
            secret, base64, hex, secret.replacing("-", with: "%2D"), secret.replacing("-", with: "\\u002d"),
        ] {
            let play = try Playbook(
                Playbook.captured("allowed.test"),
                scheme: .https,
                decide: { _ in .allowed(injection: injection, sending: Sending(kinds: all)) }
            )
            try play.client(Self.get())
            #expect(play.refused.isEmpty)
            try play.upstream("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            try play.client(Self.post("a=\(spelling)"))
            #expect(play.refused.map(\.message) == ["the value of a credential is in the request body"])
            #expect(!play.toClient.contains("s3cr3t"))
        }
    }

    static let places: [(CredentialPlace, replaced: String, beside: String)] = [
        (.field("x-key"), get("/", "X-Key: \(token)"), get("/", "X-Other: \(token)")),
        (.query("key"), get("/x?a=1&key=\(token)"), get("/x?a=\(token)&key=1")),
        (.cookie("sid"), get("/", "Cookie: a=1; sid=\(token)"), get("/", "Cookie: a=\(token); sid=1")),
    ]

    @Test(arguments: places)
    func `What a credential takes the place of is not searched, what stands beside it is`(
        place: CredentialPlace,
        replaced: String,
        beside: String
    ) throws {
        func play() throws -> Playbook {
            try Playbook(
                Playbook.captured("allowed.test"),
                scheme: .https,
                decide: { _ in .allowed(injection: Injection(place, value: "s3cr3t-REAL-value")) }
            )
        }
        let allowed = try play()
        try allowed.client(replaced)
        #expect(allowed.refused.isEmpty)
        #expect(allowed.toUpstream.contains("s3cr3t-REAL-value"))
        #expect(!allowed.toUpstream.contains(Self.token))
        let refused = try play()
        try refused.client(beside)
        #expect(refused.refused.map(\.reason) == [.secretLeaving])
        #expect(refused.toUpstream.isEmpty)
    }

    @Test(arguments: [1, 5, Int.max])
    func `A body that was read before the ruling is searched before any of it goes on`(cut: Int) throws {
        let play = try Playbook(decide: { request in
            request.body.tells(.digest) ? .allowed(injection: nil) : .read(.digest)
        })
        try play.client(Self.post("token=\(Self.token)"), cut: cut)
        #expect(play.refused.map(\.reason) == [.secretLeaving])
        #expect(play.toUpstream.isEmpty)
        let plain = try Playbook(decide: { request in
            request.body.tells(.digest) ? .allowed(injection: nil) : .read(.digest)
        })
        try plain.client(Self.post("token=none"), cut: cut)
        #expect(plain.toUpstream.hasSuffix("token=none"))
    }

    /// The ruling asks for the whole body first.
    private static func gathering(
        masking spellings: SpellingsCache = SpellingsCache(),
        _ ruling: @escaping () -> Ruling
    ) throws -> Playbook {
        try Playbook(
            masking: spellings,
            decide: { $0.body.tells(.digest) ? ruling() : .read(.digest) }
        )
    }

    static let kinds: [(MaskKinds, body: String, leaves: Bool)] = [
        ([], "x", true), ([], token, false), ([], key, false),
        ([.token], token, true), ([.token], key, false), ([.token], token + "\n" + key, false),
        ([.privateKey], key, true), ([.privateKey], key + token, false),
        (
            [.privateKey],
            "-----BEGIN PRIVATE KEY-----\n\(token)\n-----END PRIVATE KEY-----\n", false
        ),
        ([.token, .privateKey], token + "\n" + key, true),
    ]

    @Test(arguments: kinds, [1, 7, Int.max])
    func
        `Of a body that was read before the ruling all is found that the rule does not name, and nothing else`(
            expected: (kinds: MaskKinds, body: String, leaves: Bool),
            cut: Int
        ) throws
    {
        let play = try Self.gathering {
            .allowed(
                injection: nil,
                sending: Sending(kinds: expected.kinds, rule: Self.rule, decidedBy: Self.hop)
            )
        }
        try play.client(Self.post(expected.body), cut: cut)
        #expect(play.refused.map(\.reason) == (expected.leaves ? [] : [.secretLeaving]))
        #expect(play.toUpstream.hasSuffix(expected.body) == expected.leaves)
    }

    @Test(arguments: [1, 7, Int.max])
    func `A secret that is first put in while a body is read is found in what was read of it`(cut: Int) throws
    {
        let spellings = SpellingsCache()
        let host = Host.name(try #require(DNSName("model.test")))
        let secret = "QmZ7tWvLq93xXkY2pHs81dUeA"
        let play = try Self.gathering(masking: spellings) {
            #expect(spellings.spellings(ofField: "Bearer \(secret)", sentTo: host) != nil)
            return .allowed(injection: nil)
        }
        try play.client(Self.post("a=\(secret)&b=1"), cut: cut)
        #expect(play.refused.map(\.message) == ["the value of a credential is in the request body"])
        #expect(play.toUpstream.isEmpty)
        try play.client(Self.post("a=1&b=1"), cut: cut)
        #expect(play.toUpstream.hasSuffix("a=1&b=1"), "the control")
    }

    @Test func `A body that was read and cannot be searched is refused where it would be let through`() throws
    {
        let body = Self.post("plain text", fields: "Content-Encoding: gzip")
        let allowed = try Self.gathering { .allowed(injection: nil) }
        try allowed.client(body, cut: 5)
        #expect(allowed.refused.map(\.reason) == [.secretLeaving])
        #expect(allowed.toUpstream.isEmpty && allowed.toClient.contains("cannot be searched for secrets"))
        let denied = try Self.gathering { .denied(Playbook.denial) }
        try denied.client(body, cut: 5)
        #expect(denied.toUpstream.isEmpty && !denied.toClient.contains("cannot be searched"))
    }

    @Test func `A short password is a word and ends no request`() throws {
        let injection = Injection(.field("authorization"), value: "Bearer password")
        let play = try Playbook(
            Playbook.captured("allowed.test"),
            scheme: .https,
            decide: { _ in .allowed(injection: injection) }
        )
        try play.client(Self.get())
        try play.upstream("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        try play.client(Self.post("password"))
        #expect(play.refused.isEmpty)
    }

    @Test func `A name that holds a secret is not dialled, whatever its case`() throws {
        let spellings = SpellingsCache()
        let host = Host.name(try #require(DNSName("model.test")))
        _ = try #require(spellings.spellings(ofField: "Bearer QmZ7tWvLq93xXkY2pHs81dUeA", sentTo: host))
        func denial(_ name: String, _ sending: Sending = Sending()) throws -> Denial? {
            let host = Host.name(try #require(DNSName(name)))
            return NameSearch.denial(of: host, spellings, sending, Playbook.lineage)
        }
        for label in ["QmZ7tWvLq93xXkY2pHs81dUeA", "qmz7twvlq93xxky2phs81duea"] {
            #expect(try denial("\(label).allowed.test")?.reason == .secretLeaving)
        }
        #expect(try denial("qmz7twvlq93x.allowed.test") == nil, "the control: not all of it")
        #expect(
            try denial("qmz7twvlq93xxky2phs81duea.allowed.test", Sending(kinds: Sending.everything)) != nil,
            "no rule lets a credential out"
        )
    }
}
