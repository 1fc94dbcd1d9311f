internal import Model
internal import NIOCore

/// Where a client connection was going, as far as the gateway knows before its first byte.
struct Arrival: CustomStringConvertible {
    /// The name whose address was connected to, or the address itself; what `CONNECT` named in a tunnel.
    let host: Host
    let port: UInt16
    /// The connection runs inside a `CONNECT` tunnel.
    let isTunnel: Bool

    /// `tcp://host:port`, for records of connections that never showed a protocol.
    var description: String { endpoint(.tcp).description }

    /// `udp://host:port`, for records of datagrams.
    var datagram: String { "udp" + description.dropFirst(Scheme.tcp.rawValue.count) }

    func endpoint(_ scheme: Scheme) -> Endpoint {
        Endpoint(scheme: scheme, host: host, port: port)
    }
}

/// The agent has ended, or was revoked: fired through each of its client connections, so that every stage does what is left
/// to it.
///
/// A stage whose request is on record cuts the connection; one that is still reading goes on, is refused whatever it
/// asks for, and ends with the connection. Where the agent was revoked, connections that have been of use and wait for
/// their next request are cut as well: its processes may live on.
struct AgentEnded {
    /// For the record of what it cuts.
    var cause = "the agent ended"
    var isRevoked = false
}

extension AgentEnded {
    init(revokedBy revocation: Revocation) {
        self.init(cause: revocation.cause, isRevoked: true)
    }
}

/// What the stages of one connection need.
struct ConnectionParts {
    let resident: Resident
    let gatehouse: Gatehouse
    let loop: any EventLoop
    let authoriser: Authoriser

    init(_ resident: Resident, _ gatehouse: Gatehouse, loop: any EventLoop) {
        self.init(Authoriser(resident, gatehouse, loop: loop), gatehouse, loop: loop)
    }

    /// For what a tunnel of an HTTP conversation holds: it is the same connection.
    init(_ authoriser: Authoriser, _ gatehouse: Gatehouse, loop: any EventLoop) {
        resident = authoriser.resident
        self.gatehouse = gatehouse
        self.loop = loop
        self.authoriser = authoriser
    }
}
