internal import Model
internal import NIOCore
internal import Policy

/// Where what is permitted goes.
enum Outward: Sendable {
    /// To its server.
    case network(Dialer)
    /// Nowhere: requests of HTTP are answered from a recording, everything else is refused, and nothing is connected to.
    case recording(RecordedServers)

    /// Nothing that would need a credential goes anywhere.
    var withholdsCredentials: Bool { if case .recording = self { true } else { false } }

    /// Whether a name has an address.
    func knows(_ name: DNSName) -> Bool {
        switch self {
        case .network: true
        case .recording(let servers): servers.source.knows(name)
        }
    }

    /// Waits for what is under way; call while the event loops run.
    func end() {
        if case .recording(let servers) = self { servers.end() }
    }
}

// Connections that are more than an exchange of HTTP: a tunnel, a database's.
extension Outward {
    /// As `Dialer.dial`.
    func dial(
        _ permit: consuming Permit,
        for resident: Resident,
        on loop: any EventLoop,
        initialise: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
        switch self {
        case .network(let dialer): dialer.dial(permit, for: resident, on: loop, initialise: initialise)
        case .recording(let servers): servers.refusal(of: permit.request.endpoint, on: loop)
        }
    }

    /// As `Dialer.dial(beside:)`.
    func dial(
        beside permit: borrowing Permit,
        for resident: Resident,
        on loop: any EventLoop,
        initialise: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
        switch self {
        case .network(let dialer):
            dialer.dial(beside: permit, for: resident, on: loop, initialise: initialise)
        case .recording(let servers): servers.refusal(of: permit.request.endpoint, on: loop)
        }
    }

    /// As `Dialer.dial(again:)`.
    func dial(
        again address: SocketAddress,
        at endpoint: Endpoint,
        on loop: any EventLoop,
        initialise: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
        switch self {
        case .network(let dialer): dialer.dial(again: address, at: endpoint, on: loop, initialise: initialise)
        case .recording(let servers): servers.refusal(of: endpoint, on: loop)
        }
    }
}
