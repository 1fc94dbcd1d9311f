import Foundation
import Gateway
import Model
import Policy
import Synchronization
import Testing

/// A gateway with one agent, on loopback: everything real but the namespace, whose capture is stood in for by
/// saying where a connection was going.
final class House: Sendable {
    /// Where the next connections are going.
    final class Course: Sendable {
        let value = Mutex<(IPAddress, UInt16)>((IPAddress(v4: 0x7F00_0001), 3_128))
    }

    let gateway: Gateway
    let recorder = Recorder()
    let bodies = Bodies()
    let agent = AgentID(run: "0badcafe", ordinal: 1)
    let policy: LineagePolicy
    /// Above the agent's own.
    let epoch = RevocationEpoch()
    /// The agent's TCP listener and its resolver.
    let port: UInt16
    let namePort: UInt16
    /// The agent's trust bundle.
    let bundle: String
    private let scratch: Scratch
    private let course = Course()

    init(
        _ rules: [EgressRule],
        ancestors: [[EgressRule]] = [],
        recording: Recording = .metadata,
        resolve: [String: String] = ["allowed.test": "127.0.0.1", "other.test": "127.0.0.1"],
        names: any NameLookup = NoNames(),
        limits: GatewayLimits = GatewayLimits(),
        vault: Vault = Vault(),
        cookie: UInt64? = nil,
        namespace: Namespace? = nil,
        going: (String, UInt16)? = nil,
        witness: (any ProcessWitness)? = nil,
        answers: (any AnswerSource)? = nil,
        early: (UInt16) throws -> Void = { _ in }
    ) throws {
        scratch = try Scratch()
        var configuration = GatewayConfiguration(loops: 2, names: names, limits: limits)
        configuration.answers = answers
        configuration.upstreamRoots = try #require(Certificates.shared).authority
        for (name, address) in resolve {
            let (key, value) = (try #require(DNSName(name)), try #require(IPAddress(address)))
            configuration.resolve[key] = value
        }
        gateway = try Gateway(
            configuration: configuration,
            authority: CertificateAuthority(),
            audit: recorder,
            bodies: bodies,
            credentials: vault
        )
        bundle = try scratch.write("agent-ca.pem", gateway.authority.certificatePEM)
        let listener = try namespace.map { ($0.listener, UInt16(3_128)) } ?? Sockets.listener()
        let resolver = try namespace.map { ($0.resolver, UInt16(53)) } ?? Sockets.datagram()
        port = listener.1
        namePort = resolver.1
        policy = try #require(Self.policy(agent, rules, ancestors: ancestors, recording))
        if let going {
            let address = try #require(IPAddress(going.0))
            course.value.withLock { $0 = (address, going.1) }
        }
        // What connects now waits in the kernel: nobody accepts yet.
        try early(port)
        let course = course
        try gateway.open(
            GatewayAgent(
                policy: policy,
                epoch: RevocationEpoch(below: epoch),
                listener: listener.0,
                resolver: resolver.0,
                witness: witness,
                namespaceCookie: namespace?.cookie ?? cookie,
                destination: { namespace == nil ? course.value.withLock { $0 } : ($0, $1) }
            )
        )
    }

    deinit { gateway.shutdown() }

    /// Another agent at the same gateway, which knows its explicit proxy only; the port of that.
    func neighbour(_ number: Int, _ rules: [EgressRule]) throws -> UInt16 {
        let id = AgentID(run: "0badcafe", ordinal: number)
        let listener = try Sockets.listener()
        try gateway.open(
            GatewayAgent(
                policy: try #require(Self.policy(id, rules, ancestors: [])),
                listener: listener.descriptor,
                resolver: nil,
                namespaceCookie: nil,
                destination: { _, _ in (IPAddress(v4: 0x7F00_0001), 3_128) }
            )
        )
        return listener.port
    }

    /// Connections from now on were captured on their way to a name, which is looked up first.
    func capture(_ name: String, _ port: UInt16) throws {
        capture(try #require(try lookUp(name)), port)
    }

    /// Connections from now on were captured on their way to an address.
    func capture(_ address: IPAddress, _ port: UInt16) {
        course.value.withLock { $0 = (address, port) }
    }

    /// Connections from now on come to the explicit proxy.
    func captureProxy() {
        capture(IPAddress(v4: 0x7F00_0001), 3_128)
    }

    /// What the agent's resolver says to a query of type A (1) or AAAA (28).
    func lookUp(_ name: String, type: UInt8 = 1) throws -> IPAddress? {
        let client = try RawClient(port: namePort, type: Int32(SOCK_DGRAM.rawValue))
        client.send(Self.query(name, type: type))
        let response = client.receive() ?? []
        let size = type == 1 ? 4 : 16
        // One answer whose name is a pointer: 2 + type 2 + class 2 + ttl 4 + length 2, then the address; no OPT.
        guard response.count > 12, response[7] == 1 else { return nil }
        return IPAddress(bytes: response.suffix(size))
    }

    static func query(_ name: String, type: UInt8) -> [UInt8] {
        var bytes: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        for label in name.split(separator: ".") { bytes += [UInt8(label.utf8.count)] + Array(label.utf8) }
        return bytes + [0, 0, type, 0, 1]
    }

    /// curl as an agent's program would run it: it connects to the name, trusts the bundle, knows of no proxy.
    func curl(_ arguments: [String]) throws -> Program {
        try Program.run(
            "/usr/bin/curl",
            ["-sS", "--noproxy", "*", "--max-time", "60", "--cacert", bundle]
                + ["--connect-to", "::127.0.0.1:\(port)"] + arguments
        )
    }

    /// curl with the proxy set by hand.
    func proxied(_ arguments: [String]) throws -> Program {
        captureProxy()
        return try Program.run(
            "/usr/bin/curl",
            ["-sS", "--max-time", "60", "--cacert", bundle, "-x", "http://127.0.0.1:\(port)"] + arguments
        )
    }

    static func policy(
        _ id: AgentID,
        _ rules: [EgressRule],
        ancestors: [[EgressRule]],
        _ recording: Recording = .metadata
    ) -> LineagePolicy? {
        func hop(_ ordinal: Int) -> Hop {
            let name = "level\(ordinal)"
            return Hop(
                agent: AgentID(run: "0badcafe", ordinal: ordinal),
                name: name,
                profile: name,
                profileDigest: ""
            )
        }
        let principal = Principal(localUser: "tester", uid: 1_000)
        let own = Hop(agent: id, name: "agent", profile: "agent", profileDigest: "")
        var lineage = Lineage(principal: principal, root: ancestors.isEmpty ? own : hop(100))
        for index in ancestors.indices.dropFirst() { lineage = lineage.child(hop(100 + index)) }
        if !ancestors.isEmpty { lineage = lineage.child(own) }
        let levels = (ancestors + [rules]).map {
            CompiledPolicy(Profile(name: "p", egress: $0, recording: recording))
        }
        return LineagePolicy(lineage: lineage, levels: levels)
    }
}

/// A resolver that knows nothing: no test asks the machine's.
struct NoNames: NameLookup {
    func addresses(of name: DNSName) throws(LookupFailure) -> [IPAddress] {
        throw LookupFailure("\(name) is not known here")
    }
}

/// A resolver with answers of its own, hostile ones among them.
struct Answers: NameLookup {
    let table: [String: [String]]

    func addresses(of name: DNSName) throws(LookupFailure) -> [IPAddress] {
        guard let found = table[name.text] else { throw LookupFailure("\(name) is not known here") }
        return found.compactMap { IPAddress($0) }
    }
}
