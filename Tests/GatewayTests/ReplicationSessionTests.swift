import Gateway
import Model
import Policy
import Testing

/// What a session for replication rests on.
@Suite(.enabled(if: ReplicatingServer.isInstalled, "needs postgresql-15")) struct ReplicationSessionTests {
    private static func rule(_ kinds: [SQLKind], at port: UInt16) throws -> EgressRule {
        let name = try #require(DNSName("allowed.test"))
        return EgressRule(
            to: HostPattern(scheme: .postgres, hosts: .name(name), port: port),
            privateAddresses: true,
            allow: kinds.map {
                ActionPattern(match: .sql(SQLPattern($0)), text: $0.rawValue, source: "test.yaml:2")
            },
            database: DatabaseRule(name: WordGlob("postgres"), sslMode: .disable),
            source: "test.yaml:1"
        )
    }

    @Test
    func `G05 a policy that takes streams away ends those that go on, and no session whose stream is over`()
        throws
    {
        let server = try ReplicatingServer()
        let kept: [SQLKind] = [.replication, .replicationSlot]
        let house = try House([Self.rule(kept + [.replicationStream], at: server.port)])
        try house.capture("allowed.test", server.port)
        let over = try ReplicationClient(port: house.port)
        let goesOn = try ReplicationClient(port: house.port)
        for (client, slot) in [(over, "over"), (goesOn, "goes_on")] {
            #expect(client.query("CREATE_REPLICATION_SLOT \(slot) TEMPORARY LOGICAL test_decoding") == "TDCZ")
            client.say("Q", "START_REPLICATION SLOT \(slot) LOGICAL 0/0\0")
            #expect(client.types(until: "W") == "W")
        }
        over.say("c")
        let end = over.types(until: "Z")
        #expect(end.hasSuffix("CZ") && !end.contains("E"), "\(end)")
        let policy = House.policy(house.agent, [try Self.rule(kept, at: server.port)], ancestors: [])
        house.gateway.update(house.agent, policy: try #require(policy))
        #expect(goesOn.end() == .reset)
        for _ in 0..<2 { #expect(over.query("IDENTIFY_SYSTEM") == "TDCZ") }
        #expect(over.query("START_REPLICATION SLOT over LOGICAL 0/0") == "EZ")
        withExtendedLifetime(server) {}
    }
}

/// A session for replication with the database `postgres`, spoken by hand.
private final class ReplicationClient {
    private let client: RawClient
    private var octets: [UInt8] = []

    init(port: UInt16) throws {
        client = try RawClient(port: port)
        let body = [0, 3, 0, 0] + Array("user\0postgres\0database\0postgres\0replication\0database\0\0".utf8)
        client.send(Self.length(body) + body)
        _ = types(until: "Z")
    }

    private static func length(_ body: [UInt8]) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: (body.count + 4) >> $0) }
    }

    func say(_ type: String, _ text: String = "") {
        client.send(Array(type.utf8) + Self.length(Array(text.utf8)) + Array(text.utf8))
    }

    func query(_ text: String) -> String {
        say("Q", text + "\0")
        return types(until: "Z")
    }

    /// The types of messages up to one of them, without data, parameters and notices; empty where it does not come.
    func types(until last: Character) -> String {
        var types = ""
        while let type = next() {
            if !"dSNKR".contains(type) { types.append(type) }
            if type == last { return types }
        }
        return ""
    }

    private func next() -> Character? {
        while true {
            if octets.count >= 5 {
                let length = octets[1..<5].reduce(0) { $0 << 8 | Int($1) }
                if octets.count > length {
                    defer { octets.removeFirst(length + 1) }
                    return Character(Unicode.Scalar(octets[0]))
                }
            }
            guard let more = client.receive(), !more.isEmpty else { return nil }
            octets += more
        }
    }

    /// How it ended, behind whatever was still to be read.
    func end() -> RawClient.End {
        while true {
            let end = client.end()
            if end != .octets { return end }
        }
    }
}
