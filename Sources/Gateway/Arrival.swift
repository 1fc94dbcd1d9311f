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

    func endpoint(_ scheme: Scheme) -> Endpoint {
        Endpoint(scheme: scheme, host: host, port: port)
    }
}

/// What the stages of one connection need.
struct ConnectionParts {
    let resident: Resident
    let gatehouse: Gatehouse
    let loop: any EventLoop
    let authoriser: Authoriser

    init(_ resident: Resident, _ gatehouse: Gatehouse, loop: any EventLoop) {
        self.resident = resident
        self.gatehouse = gatehouse
        self.loop = loop
        authoriser = Authoriser(resident, gatehouse, loop: loop)
    }
}
