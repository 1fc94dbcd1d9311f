import Audit
import Crypto
import Foundation
import Masking
import Model
import Testing

/// Requests that are answered from what is on record.
struct ServedSessionTests {
    private static let host = "https://api.example.com"

    private let state: StateFixture
    private let store: AuditStore
    private let bodies: BodyFiles

    init() throws {
        state = try StateFixture()
        store = try state.open()
        bodies = BodyFiles(directory: state.path)
    }

    /// What one exchange leaves on record.
    private func record(
        _ action: String,
        _ exchange: UInt64,
        query: String? = nil,
        range: String? = nil,
        head: String? = nil,
        sent: String? = nil,
        answered text: String,
        by lineage: Lineage = Sample.child,
        change: (inout Reply) -> Void = { _ in }
    ) throws {
        let level = LevelVerdict(
            agent: lineage.agent.agent,
            profile: lineage.agent.profile,
            effect: .allow,
            rule: nil
        )
        let request = RequestRecord(
            lineage: lineage,
            action: action,
            resource: Self.host,
            exchange: exchange,
            query: query,
            fields: (head ?? range.map { "accept: */*\nRange: \($0)" }).map { HeadFields(text: $0) },
            verdict: .allow,
            levels: [level]
        )
        var reply = Reply(exchange: exchange, action: action, resource: Self.host)
        reply.status = 200
        reply.fields = HeadFields(text: "content-type: text/plain")
        (reply.sent, reply.received) = (UInt64(sent?.utf8.count ?? 0), UInt64(text.utf8.count))
        reply.bodies = try [body(sent, exchange, .request), body(text, exchange, .response)].compactMap { $0 }
        change(&reply)
        let replies = RepliesRecord(lineage: lineage, replies: [reply])
        #expect(store.appendTogether([.request(request), .replies(replies)]).failures.isEmpty)
    }

    private func body(_ text: String?, _ exchange: UInt64, _ side: BodySide) throws -> RecordedBody? {
        guard let text else { return nil }
        let octets = Array(text.utf8)
        let place = try bodies.append(octets, to: BodyPlace(run: "0badcafe", exchange: exchange, side: side))
        return RecordedBody(
            side: side,
            octets: UInt64(octets.count),
            digest: Self.digest(text),
            place: place,
            coding: nil,
            missing: nil
        )
    }

    private static func digest(_ text: String) -> String { SHA256.hash(data: Array(text.utf8)).hex }

    private func session(
        _ name: String = "0badcafe",
        limits: AnswerLimits = AnswerLimits()
    ) throws
        -> any AnswerSource
    {
        let store = store
        return try ServedSession(name, in: state.path, limits: limits).answers { store.recorded($0) }
    }

    private func ask(
        _ source: any AnswerSource,
        _ action: String,
        query: String? = nil,
        range: String? = nil,
        body: RepeatedBody = .none
    ) throws(UnansweredRequest) -> String {
        let answer = try source.answer(
            to: RepeatedRequest(
                action: action,
                resource: Self.host,
                query: query,
                range: range,
                body: body
            )
        )
        var octets: [UInt8] = []
        while let piece = try answer.body.next() { octets += piece }
        return String(decoding: octets, as: UTF8.self)
    }

    private func refusal(_ body: () throws(UnansweredRequest) -> String) -> UnansweredRequest? {
        do throws(UnansweredRequest) {
            Issue.record("it was answered: \(try body())")
            return nil
        } catch {
            return error
        }
    }

    @Test
    func `Equal requests get their replies in the order in which they were asked for, and the last again`()
        throws
    {
        for number in 1...3 { try record("GET /a", UInt64(number), answered: "reply \(number)") }
        try record("GET /a", 4, query: "x=1", answered: "another query")
        try record("GET /a", 5, range: "bytes=0-4", answered: "a part")
        let source = try session()
        #expect(try (1...4).map { _ in try ask(source, "GET /a") } == [1, 2, 3, 3].map { "reply \($0)" })
        #expect(try ask(source, "GET /a", query: "x=1") == "another query")
        #expect(try ask(source, "GET /a", range: "bytes=0-4") == "a part")
        #expect(source.session == "0badcafe")
        #expect(source.knows(try #require(DNSName("api.example.com"))))
        #expect(!source.knows(try #require(DNSName("example.com"))))
    }

    @Test(arguments: ["path", "query", "range"])
    func `What is longer than what is on record is not taken for another that begins like it`(
        part: String
    ) throws {
        let start = String(repeating: "a", count: 4_096)
        func words(_ end: String) -> (action: String, query: String?, range: String?) {
            let text = start + end
            return (
                part == "path" ? "GET /\(text)" : "GET /", part == "query" ? text : nil,
                part == "range" ? text : nil
            )
        }
        let (one, other) = (words("one"), words("two"))
        try record(one.action, 1, query: one.query, range: one.range, answered: "of one")
        try record("GET /short", 2, query: String(start.dropLast(96)), answered: "of a short one")
        let source = try session()
        for asked in [one, other] {
            let why = try #require(
                refusal { () throws(UnansweredRequest) in
                    try ask(source, asked.action, query: asked.query, range: asked.range)
                }
            )
            #expect(why.message.contains("more than the 4096 octets"), "\(why.message)")
        }
        #expect(
            try ask(source, "GET /short", query: String(start.dropLast(96))) == "of a short one",
            "the control"
        )
    }

    @Test(arguments: [
        "accept: */*\nRange: [9 octets]", "accept: */*\n[1 more fields]",
        "Range: bytes=0-4\naccept: */*\n[1 more fields]",
    ])
    func `A part of which not all is on record is taken neither for the whole nor for another part`(
        head: String
    ) throws {
        try record("GET /part", 1, head: head, answered: "a part")
        let none = #expect(throws: AuditStoreError.self) { try session() }
        #expect(none?.message.contains("longer than what is on record") == true, "\(none?.message ?? "")")
        try record("GET /whole", 2, head: "accept: */*\nx: [9 octets]", answered: "all of it")
        let source = try session()
        for range in [nil, "bytes=0-4", "[9 octets]"] {
            #expect(throws: UnansweredRequest.self) { try ask(source, "GET /part", range: range) }
        }
        #expect(try ask(source, "GET /whole") == "all of it", "the control: what is cut is no range")
    }

    @Test func `A request is known again by its body, and by none`() throws {
        try record("POST /a", 1, sent: "one", answered: "first")
        try record("POST /a", 2, sent: "two", answered: "second")
        let source = try session()
        #expect(try ask(source, "POST /a", body: .digest(Self.digest("two"))) == "second")
        #expect(try ask(source, "POST /a", body: .digest(Self.digest("one"))) == "first")
        for body in [RepeatedBody.none, .digest(Self.digest("three"))] {
            let why = try #require(
                refusal { () throws(UnansweredRequest) in try ask(source, "POST /a", body: body) }
            )
            #expect(why.message.contains("and never with ") && why.told == nil, "\(why)")
        }
        let why = try #require(
            refusal { () throws(UnansweredRequest) in try ask(source, "POST /a", body: .unread("it is coded"))
            }
        )
        #expect(why.message.hasSuffix("held against those on record: it is coded"), "\(why)")
    }

    @Test func `The nearest request is of the same host, then path, then of a path that is like it`() throws {
        for (number, action) in ["GET /users/1", "GET /users/list", "POST /users/list", "GET /z"].enumerated()
        {
            try record(action, UInt64(number + 1), answered: "x")
        }
        let source = try session()
        for (asked, nearest, differences) in [
            ("GET /users/2", "GET \(Self.host)/users/1", "another path"),
            ("DELETE /users/list", "GET \(Self.host)/users/list", "another method"),
            ("POST /users/lists", "POST \(Self.host)/users/list", "another path"),
        ] {
            let why = try #require(refusal { () throws(UnansweredRequest) in try ask(source, asked) })
            #expect(why.message.contains("; the nearest that is: \(nearest) (record "), "\(why)")
            #expect(why.message.hasSuffix(", which has \(differences)"), "\(why)")
        }
    }

    @Test func `What is masked on record is known again masked`() throws {
        let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
        try record("GET /a", 1, query: "key=\(token)", answered: "x")
        let source = try session()
        #expect(try ask(source, "GET /a", query: "key=\(token)") == "x")
        let why = try #require(
            refusal { () throws(UnansweredRequest) in try ask(source, "GET /b", query: "key=\(token)") }
        )
        #expect(!why.message.contains(token), "\(why)")
    }

    @Test func `A reply that is not whole is refused, and the operator alone hears why`() throws {
        try record("GET /cut", 1, answered: "x") { $0.cause = "the disk of /secret is full" }
        try record("GET /never", 2, answered: "x") {
            $0.status = nil
            $0.cause = "nobody at 10.0.0.1 answered"
        }
        try record("GET /missing", 3, answered: "x") { reply in
            reply.bodies = reply.bodies?.map {
                RecordedBody(
                    side: $0.side,
                    octets: $0.octets,
                    digest: $0.digest,
                    place: $0.place,
                    coding: nil,
                    missing: "no room at /secret"
                )
            }
        }
        try record("GET /heads", 4, answered: "x") { $0.bodies = nil }
        try record("GET /empty", 5, answered: "") {
            $0.bodies = nil
            $0.status = 204
        }
        let source = try session()
        for (path, cause) in [
            ("/cut", "/secret is full"), ("/never", "10.0.0.1"), ("/missing", "no room at /secret"),
        ] {
            let why = try #require(refusal { () throws(UnansweredRequest) in try ask(source, "GET \(path)") })
            #expect(why.message.hasSuffix(cause) || why.message.contains(cause), "\(why)")
            #expect(why.told.map { !$0.contains(cause) && $0.contains(path) } == true, "\(why)")
        }
        let heads = try #require(refusal { () throws(UnansweredRequest) in try ask(source, "GET /heads") })
        #expect(heads.message.contains("'record: full'"), "\(heads)")
        #expect(try ask(source, "GET /empty") == "")
    }

    @Test func `A body of many pieces among others comes whole; one that was changed never does`() throws {
        let text = String(repeating: "0123456789abcdef", count: 200_000)
        try record("GET /a", 1, sent: "question", answered: text)
        try record("GET /b", 2, answered: "short")
        let source = try session()
        let asked = RepeatedBody.digest(Self.digest("question"))
        #expect(try ask(source, "GET /a", body: asked) == text)
        let path = URL(fileURLWithPath: state.path + "/recordings/0badcafe")
        var octets = try Data(contentsOf: path)
        // Of the last block, five octets and the tag.
        octets[octets.count - 21] ^= 1
        octets[2_000_000] ^= 1
        try octets.write(to: path)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path.path)
        let why = try #require(refusal { () throws(UnansweredRequest) in try ask(source, "GET /b") })
        #expect(why.told == "the recorded body of the reply is not as it was recorded", "\(why)")
        let answer = try source.answer(
            to: RepeatedRequest(action: "GET /a", resource: Self.host, query: nil, range: nil, body: asked)
        )
        var count = 0
        #expect(throws: UnansweredRequest.self) {
            while let piece = try answer.body.next() { count += piece.count }
        }
        #expect(count < text.utf8.count)
        try FileManager.default.removeItem(at: path)
        #expect(throws: UnansweredRequest.self) { try ask(source, "GET /b") }
    }

    @Test
    func `A body is not served without its key, which a verification names; with it back, it is`() throws {
        try record("GET /a", 1, answered: "x")
        let source = try session()
        let key = state.path + "/keys/recordings.key"
        let kept = try Data(contentsOf: URL(fileURLWithPath: key))
        try FileManager.default.removeItem(atPath: key)
        for words in ["which is gone", "another key"] {
            let why = try #require(refusal { () throws(UnansweredRequest) in try ask(source, "GET /a") })
            #expect(why.told == "the recorded body of the reply does not open", "\(why)")
            #expect(why.message.contains(key) && why.message.contains(words), "\(why)")
            let finding = try #require(try state.finding())
            #expect(finding.code == .recordingKey && finding.record == 2, "\(finding)")
            #expect(finding.message.contains("cannot be looked at: \(state.path)"), "\(finding)")
            #expect(finding.message.contains(key) && finding.message.contains(words), "\(finding)")
            // Somebody puts another there.
            try Data(kept.reversed()).write(to: URL(fileURLWithPath: key))
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
        }
        try kept.write(to: URL(fileURLWithPath: key))
        #expect(try ask(source, "GET /a") == "x")
        #expect(try state.finding() == nil)
    }

    @Test func `An agent's session has what is below it, and nothing beside it`() throws {
        #expect(
            store.appendTogether([Sample.spawn(Sample.root), Sample.spawn(Sample.child, ownText: true)])
                .failures.isEmpty
        )
        try record("GET /root", 1, answered: "root", by: Sample.root)
        try record("GET /child", 2, answered: "child", by: Sample.child)
        try record("GET /below", 3, answered: "below", by: Sample.grandchild)
        let whole = try ServedSession("0badcafe", in: state.path)
        let part = try ServedSession("0badcafe.2", in: state.path)
        #expect(whole.profile?.name == "ci" && part.profile?.name == "test-runner")
        #expect(part.profile?.isOwnText == true && whole.profile?.isOwnText == false)
        let source = try session("0badcafe.2")
        #expect(try ask(source, "GET /child") == "child")
        #expect(try ask(source, "GET /below") == "below")
        #expect(throws: UnansweredRequest.self) { try ask(source, "GET /root") }
        #expect(try ask(try session(), "GET /root") == "root")
    }

    @Test func `There is no session without a name of its own, without HTTP, or beyond the limits`() throws {
        for name in ["1", "0badcaff", "0badcafe.7", "", "' OR 1=1"] {
            #expect(throws: AuditStoreError.self) { try ServedSession(name, in: state.path) }
        }
        #expect(
            store.appendTogether([Sample.request("connect", resource: "tcp://db:1", exchange: 9)]).failures
                .isEmpty
        )
        let none = #expect(throws: AuditStoreError.self) { try session() }
        #expect(none?.message.contains("no request of HTTP") == true)
        for number in 1...3 { try record("GET /\(number)", UInt64(number), answered: "x") }
        var limits = AnswerLimits()
        limits.requests = 3
        _ = try session(limits: limits)
        limits.requests = 2
        let most = #expect(throws: AuditStoreError.self) { try session(limits: limits) }
        #expect(most?.message.contains("has more than 2 requests") == true, "\(String(describing: most))")
        limits = AnswerLimits()
        limits.text = 3 * ("GET /1".utf8.count + Self.host.utf8.count)
        _ = try session(limits: limits)
        limits.text -= 1
        #expect(throws: AuditStoreError.self) { try session(limits: limits) }
    }
}
