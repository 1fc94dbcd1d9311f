internal import DNSProtocol
internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The first two stages: takes a connection from an agent's listener, makes sure that it is that agent's, and
/// finds out where it was going.
struct Acceptor: Sendable {
    let resident: Resident
    let gatehouse: Gatehouse

    /// `SO_NETNS_COOKIE` of socket(7), asm-generic/socket.h.
    private static let netnsCookie = NIOBSDSocket.Option(rawValue: 71)

    /// Prepares an accepted channel; the future fails when it is refused, which closes it.
    func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let cutoff = ResetSwitch()
            try channel.pipeline.syncOperations.addHandler(cutoff, position: .first)
            try channel.pipeline.syncOperations.addHandler(Doorway(self, cutoff))
        }
    }

    /// The namespace a socket was made in.
    func cookie(of channel: any Channel) -> EventLoopFuture<UInt64> {
        guard let options = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        return options.unsafeGetSocketOption(level: .socket, name: Self.netnsCookie)
    }

    /// Puts the handlers for the place that was connected to.
    func admit(_ channel: any Channel, _ cutoff: ResetSwitch) throws {
        let parts = ConnectionParts(resident, gatehouse, loop: channel.eventLoop)
        switch resident.admit(channel, cutoff: cutoff) {
        case .closed: return cutoff.cut()
        case .overBudget:
            let denial = Denial.overBudget(gatehouse.limits.connectionsPerAgent)
            parts.authoriser.refused(nil, otherwise: "tcp", denial)
            return cutoff.cut()
        case .admitted: break
        }
        guard let local = channel.localAddress, let seen = IPAddress(socket: local),
            let port = local.port.flatMap(UInt16.init(exactly:))
        else { return cutoff.cut() }
        try place(channel, cutoff, resident.destination(seen, port), parts)
    }

    private func place(
        _ channel: any Channel,
        _ cutoff: ResetSwitch,
        _ destination: (IPAddress, UInt16),
        _ parts: ConnectionParts
    ) throws {
        let (address, port) = destination
        let pipeline = channel.pipeline.syncOperations
        if port == NameService.port {
            return try pipeline.addHandler(
                StreamNames(resident, idle: .milliseconds(gatehouse.limits.firstBytes))
            )
        }
        if port == GatewayLimits.proxyPort, address.isLoopback {
            let connection = HTTPConnection(
                origin: .proxyPort,
                scheme: .http,
                port: port,
                lineage: resident.lineage
            )
            let arrival = Arrival(host: .address(address), port: port, isTunnel: false)
            return try pipeline.addHTTP(HTTPConversation(arrival, connection, parts))
        }
        guard let host = host(at: address, channel) else {
            let resource = Arrival(host: .address(address), port: port, isTunnel: false).description
            parts.authoriser.refused(nil, otherwise: resource, .unknownAddress(address))
            return cutoff.cut()
        }
        try pipeline.addHandler(Classifier(Arrival(host: host, port: port, isTunnel: false), parts))
    }

    /// The name that an address stands for, held until the connection ends; the address itself when it is not
    /// one of ours; nil for one of ours that stands for nothing.
    private func host(at address: IPAddress, _ channel: any Channel) -> Host? {
        guard SyntheticAddresses.contains(address) else { return .address(address) }
        guard let name = resident.names.withLock({ $0.retain(address) }) else { return nil }
        let resident = resident
        channel.closeFuture.whenComplete { _ in resident.names.withLock { $0.release(address) } }
        return .name(name)
    }
}

extension IPAddress {
    /// 127.0.0.0/8 or ::1 (RFC 6890).
    var isLoopback: Bool {
        switch family {
        case .v4: low >> 24 == 127
        case .v6: high == 0 && low == 1
        }
    }
}
