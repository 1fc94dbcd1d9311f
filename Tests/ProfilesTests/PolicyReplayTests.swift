import Model
import Policy
import Profiles
import Testing

/// What another policy makes of records.
struct PolicyReplayTests {
    private let folder: Folder
    private let alice = Principal(localUser: "alice", uid: 1_000)

    init() throws { folder = try Folder([:]) }

    private func replay(_ text: String) throws -> PolicyReplay {
        try folder.write("bailey: 1\nname: top\n\(text)\n", to: "top.yaml")
        return try PolicyReplay(
            "top",
            inPlaceOf: nil,
            search: ProfileSearch(folders: [folder.path]),
            home: "/home/alice"
        )
    }

    /// `top`, and below it agents under these profiles.
    private func lineage(_ below: String..., digests: [String: String] = [:]) -> Lineage {
        var lineage = Lineage(principal: alice, root: hop(1, "top", digests))
        for (place, profile) in below.enumerated() {
            lineage = lineage.child(hop(place + 2, profile, digests))
        }
        return lineage
    }

    private func hop(_ number: Int, _ profile: String, _ digests: [String: String]) -> Hop {
        Hop(
            agent: AgentID(run: "0123456789ab", ordinal: number),
            name: profile,
            profile: profile,
            profileDigest: digests[profile] ?? "as it was"
        )
    }

    private func request(
        _ action: String,
        _ resource: String,
        _ effects: [Effect] = [.allow],
        by lineage: Lineage? = nil,
        query: String? = nil,
        fields: String? = "host: a.test",
        credential: String? = nil,
        reason: Denial.Reason? = nil
    ) -> AuditEntry {
        let lineage = lineage ?? self.lineage()
        let levels = zip(lineage.hops, effects).map {
            LevelVerdict(agent: $0.agent, profile: $0.profile, effect: $1, rule: nil)
        }
        let verdict = reason == nil ? effects.max() ?? .deny : .deny
        return .request(
            RequestRecord(
                lineage: lineage,
                action: action,
                resource: resource,
                exchange: verdict == .allow ? 1 : nil,
                query: query,
                fields: fields.map { HeadFields(text: $0) },
                verdict: verdict,
                levels: levels,
                reason: reason ?? (verdict == .deny ? .noRule : nil),
                credential: credential
            )
        )
    }

    private func change(_ entry: AuditEntry, _ text: String) throws -> Hindsight.Change? {
        var replay = try replay(text)
        return replay.take(entry)?.change
    }

    private func rule(_ to: String, _ words: String) -> String { "egress: [{to: \"\(to)\", \(words)}]" }

    @Test("A connection that was forwarded, where rules would have read it, and the other way round")
    func forwarded() throws {
        let connection = request("connect", "tls://a.test")
        #expect(try change(connection, rule("tls://a.test", "allow: [connect]")) == .same)
        #expect(try change(connection, rule("https://a.test", "allow: [GET]")) == .unknown)
        #expect(try change(connection, rule("https://b.test", "allow: [GET]")) == .denied)
        let read = request("GET /", "https://a.test", [.deny])
        #expect(try change(read, rule("tls://a.test", "allow: [connect]")) == .allowed)
        let below = request("GET /", "https://a.test", [.deny, .allow], by: lineage("leaf"))
        #expect(try change(below, rule("tls://a.test", "allow: [connect]")) == .unknown)
    }

    @Test("What other levels said stands: one that denied is not overruled")
    func levels() throws {
        let words = rule("https://a.test", "allow: [GET]")
        #expect(
            try change(request("GET /", "https://a.test", [.deny, .deny], by: lineage("leaf")), words)
                == .same
        )
        try folder.write("bailey: 1\negress: [{to: \"https://a.test\", ask: [GET]}]\n", to: "leaf.yaml")
        let leaf = try folder.loader.load(name: "leaf")
        let asking = lineage("leaf", digests: ["leaf": leaf.digest])
        #expect(try change(request("GET /", "https://a.test", [.allow, .ask], by: asking), words) == .same)
        let post = request("POST /", "https://a.test", [.allow, .ask], by: lineage("leaf"))
        #expect(try change(post, words) == .denied)
    }

    @Test("The credential of the agent's own rules has to be named above; what nobody knows of it is said")
    func credentials() throws {
        let used = request(
            "GET /",
            "https://a.test",
            [.allow, .allow],
            by: lineage("leaf"),
            credential: "key"
        )
        #expect(try change(used, rule("https://a.test", "allow: [GET], credential: key")) == .same)
        #expect(try change(used, rule("https://a.test", "allow: [GET], credential: other")) == .denied)
        // Denied by top: what leaf puts in is on no record, and its profile is not at hand.
        let refused = request("GET /", "https://a.test", [.deny, .allow], by: lineage("leaf"))
        #expect(try change(refused, rule("https://a.test", "allow: [GET]")) == .unknown)
        try folder.write("bailey: 1\negress: [{to: \"https://a.test\", allow: [GET]}]\n", to: "leaf.yaml")
        let leaf = try folder.loader.load(name: "leaf")
        let lineage = lineage("leaf", digests: ["leaf": leaf.digest])
        let known = request("GET /", "https://a.test", [.deny, .allow], by: lineage)
        #expect(try change(known, rule("https://a.test", "allow: [GET]")) == .allowed)
    }

    @Test(
        "A masked query counts only where rules look at queries",
        arguments: [("GET /x", Hindsight.Change.same), ("GET /x?q=*", .unknown)]
    )
    func queries(allow: String, expected: Hindsight.Change) throws {
        let hidden = request("GET /x", "https://a.test", query: "q=ghp_***")
        #expect(try change(hidden, rule("https://a.test", "allow: [\"\(allow)\"]")) == expected)
        let cut = request("GET /x[cut: 5 more octets]", "https://a.test")
        #expect(try change(cut, rule("https://a.test", "allow: [GET]")) == .unknown)
    }

    @Test("Bodies: their length is on record, what they say is not")
    func bodies() throws {
        let post = request("POST /x", "https://a.test", fields: "Content-Length: 2000")
        #expect(try change(post, rule("https://a.test", "allow: [\"POST /x body <= 1KiB\"]")) == .denied)
        #expect(try change(post, rule("https://a.test", "allow: [\"POST /x body <= 2KiB\"]")) == .same)
        #expect(
            try change(post, rule("https://a.test", "allow: [\"POST /x body /m = \\\"x\\\"\"]")) == .unknown
        )
    }

    @Test(
        "Calls and git are known again by their heads",
        arguments: [
            ("POST /p.S/M", "content-type: application/grpc", String?.none, "grpc p.S/M", "grpc p.S/N"),
            (
                "git fetch /a.git", "content-type: application/x-git-upload-pack-request", nil,
                "git fetch /a.git", "git fetch /b.git"
            ),
            (
                "git push /a.git", "", "service=git-receive-pack", "git push /a.git refs/heads/x",
                "git fetch /a.git"
            ),
            (
                "git push /a.git refs/heads/x", "", nil, "git push /a.git refs/heads/*",
                "git push /a.git refs/heads/y"
            ),
        ]
    )
    func kinds(action: String, fields: String, query: String?, held: String, other: String) throws {
        let entry = request(action, "https://a.test", query: query, fields: fields)
        #expect(try change(entry, rule("https://a.test", "allow: [\"\(held)\"]")) == .same)
        #expect(try change(entry, rule("https://a.test", "allow: [\"\(other)\"]")) == .denied)
    }

    @Test("What no rule decided stays as it was, or cannot be told")
    func beyondRules() throws {
        let tcp = rule("tcp://a.test:7", "allow: [connect]")
        #expect(try change(request("connect", "tcp://a.test:7", [], reason: .revoked), tcp) == .same)
        #expect(
            try change(request("connect", "tcp://a.test:7", [], reason: .protocolMismatch), tcp) == .unknown
        )
        #expect(try change(request("connect", "udp://a.test:7", [], reason: .protocolMismatch), tcp) == .same)
        #expect(
            try change(request("further requests", "https://a.test", [], reason: .noRule), tcp) == .unknown
        )
        let web = rule("https://a.test", "allow: [GET]")
        let lost = request("GET /", "https://a.test", [.allow], reason: .upstreamFailed)
        #expect(try change(lost, web) == .same)
    }

    private func spawn(
        _ lineage: Lineage,
        approval: String? = nil,
        workspace: String = "/work",
        ownText: Bool? = false
    ) -> AuditEntry {
        .spawn(
            SpawnRecord(
                lineage: lineage,
                argv: ["x"],
                workingDirectory: "/work",
                workspace: workspace,
                program: "/usr/bin/x",
                programDigest: nil,
                limits: [:],
                degraded: [],
                approval: approval,
                ownText: ownText
            )
        )
    }

    @Test("Launches: names, depth, count, questions and what is wider")
    func launches() throws {
        try folder.write("bailey: 1\negress: [{to: \"https://a.test\", allow: [GET]}]\n", to: "leaf.yaml")
        let digests = ["leaf": try folder.loader.load(name: "leaf").digest]
        let wide = rule("https://a.test", "allow: [GET, POST]")
        func outcome(_ children: String, _ egress: String, live: Int = 0) throws -> Hindsight.Change? {
            var replay = try replay("children: {\(children)}\n\(egress)")
            _ = replay.take(spawn(lineage()))
            for number in 0..<live {
                let other = lineage().child(
                    Hop(
                        agent: AgentID(run: "0123456789ab", ordinal: 10 + number),
                        name: "l",
                        profile: "leaf",
                        profileDigest: ""
                    )
                )
                _ = replay.take(spawn(other))
            }
            return replay.take(spawn(lineage("leaf", digests: digests)))?.change
        }
        #expect(try outcome("profiles: [leaf], depth: 1, count: 2", wide) == .same)
        #expect(try outcome("profiles: [leaf], depth: 1, count: 2", wide, live: 1) == .same)
        // Their ends may have come before their records did.
        #expect(try outcome("profiles: [leaf], depth: 1, count: 2", wide, live: 2) == .unknown)
        #expect(try outcome("profiles: [leaf], depth: 1, count: 0", wide) == .denied)
        #expect(try outcome("profiles: [other], depth: 1, count: 2", wide) == .denied)
        #expect(try outcome("profiles: [leaf], depth: 0, count: 2", wide) == .denied)
        #expect(try outcome("ask: [leaf], depth: 1, count: 2", wide) == .asked)
        #expect(
            try outcome("profiles: [leaf], depth: 1, count: 2", rule("https://b.test", "allow: [GET]"))
                == .denied
        )
        var changed = try replay("children: {profiles: [leaf], depth: 1, count: 1}\n\(wide)")
        #expect(changed.take(spawn(lineage("leaf")))?.change == .unknown)
        #expect(changed.isUsed && changed.seen == ["top", "leaf"])
    }

    @Test("The same profile says the same, also where the record does not hold what it hangs on")
    func unchanged() throws {
        let text = rule("https://a.test", "allow: [\"POST /x body /m = \\\"x\\\"\", \"GET /x?q=*\"]")
        var replay = try replay(text)
        let lineage = lineage(digests: ["top": replay.digest])
        for entry in [
            request("POST /x", "https://a.test", by: lineage),
            request("GET /x", "https://a.test", by: lineage, query: "q=***"),
            request("connect", "tcp://a.test:443", [], by: lineage, reason: .protocolMismatch),
        ] {
            #expect(replay.take(entry)?.change == .same)
        }
    }

    @Test(
        "A child's own text of the same name is no level that the profile stands in for; where nobody knows, that is said"
    )
    func ownText() throws {
        let words = rule("https://a.test", "allow: [GET]")
        let both = Lineage(principal: alice, root: hop(1, "top", [:])).child(hop(2, "top", [:]))
        func changes(_ ownText: Bool?) throws -> [Hindsight.Change?] {
            var replay = try replay("children: {profiles: [top], depth: 1, count: 4}\n\(words)")
            _ = replay.take(spawn(lineage()))
            let launch = replay.take(spawn(both, ownText: ownText))?.change
            let denied = replay.take(request("GET /", "https://a.test", [.allow, .deny], by: both))?.change
            let above = replay.take(request("POST /", "https://a.test", [.allow, .deny], by: both))?.change
            return [launch, denied, above]
        }
        // Denied by its own text, which stands.
        #expect(try changes(true) == [.unknown, .same, .same])
        #expect(try changes(false).dropFirst() == [.allowed, .same])
        #expect(try changes(nil) == [.unknown, .unknown, .same])
    }

    @Test(
        "What hangs on fields that are not on record is not guessed",
        arguments: [
            ("content-type: application/json\ncontent-length: 0", Hindsight.Change.same),
            ("content-type: application/json\ncontent-length: [5000 octets]", .unknown),
            ("content-type: application/json\nx: [5000 octets]\n[2 more fields]", .unknown),
            ("x: 1\n[2 more fields]", .unknown), ("content-type: [300 octets]", .unknown), (nil, .unknown),
        ] as [(String?, Hindsight.Change)]
    )
    func fields(text: String?, expected: Hindsight.Change) throws {
        let words =
            "egress: [{to: \"https://a.test\", allow: [DELETE], deny: [\"DELETE /x body /m = \\\"x\\\"\"]}]"
        #expect(try change(request("DELETE /x", "https://a.test", fields: text), words) == expected)
    }

    @Test("A launch under a profile that does not read for its folder is not taken for allowed")
    func folders() throws {
        let text = "files: {write: [\"$WORKSPACE/out\"]}"
        var replay = try replay(text)
        #expect(replay.take(spawn(lineage()))?.change == .same)
        var other = try self.replay(text)
        #expect(other.take(spawn(lineage(), workspace: "no folder"))?.change == .unknown)
    }

    @Test("Only what is asked about counts as having had the profile")
    func scope() throws {
        var replay = try replay(rule("https://a.test", "allow: [GET]"))
        _ = replay.take(request("GET /", "https://a.test"), isOfScope: false)
        #expect(!replay.isUsed && replay.seen.isEmpty)
        _ = replay.take(request("GET /", "https://a.test"), isOfScope: true)
        #expect(replay.isUsed && replay.seen == ["top"])
    }

    @Test("A launch that was refused by name is judged by what stands in")
    func refusals() throws {
        func outcome(_ text: String) throws -> Hindsight? {
            var replay = try replay(text)
            _ = replay.take(spawn(lineage()))
            let refusal = SpawnRefusal(
                parent: lineage(),
                principal: alice,
                profile: "'leaf'",
                argv: ["x"],
                reason: "no"
            )
            let hindsight = replay.take(.spawnRefused(refusal))
            #expect(replay.seen == ["top", "leaf"])
            return hindsight
        }
        let denied = try outcome("children: {profiles: [other], depth: 1, count: 2}")
        #expect(denied?.change == .same && denied?.reasons.first?.contains("does not name leaf") == true)
        #expect(try outcome("children: {profiles: [leaf], depth: 1, count: 2}")?.change == .unknown)
    }
}
