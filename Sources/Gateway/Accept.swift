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
            let parts = ConnectionParts(resident, gatehouse, loop: channel.eventLoop)
            channel.closeFuture.assumeIsolated().whenComplete { _ in parts.authoriser.conclude() }
            try channel.pipeline.syncOperations.addHandlers([cutoff, Backlog()], position: .first)
            try channel.pipeline.syncOperations.addHandler(Doorway(self, parts, cutoff))
            resident.arrived(channel, cutoff: cutoff, parts.authoriser)
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
    func admit(_ channel: any Channel, _ parts: ConnectionParts, _ cutoff: ResetSwitch) throws {
        guard let local = channel.localAddress, let seen = IPAddress(socket: local),
            let port = local.port.flatMap(UInt16.init(exactly:))
        else { return cutoff.cut() }
        let (address, destinedPort) = resident.destination(seen, port)
        parts.authoriser.place =
            Arrival(host: .address(address), port: destinedPort, isTunnel: false).description
        if let denial = resident.admit(channel) {
            parts.authoriser.refused(nil, denial)
            return cutoff.cut()
        }
        try place(channel, cutoff, (address, destinedPort), parts)
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
            parts.authoriser.asksForNothing()
            return try pipeline.addHandler(
                StreamNames(resident, idle: .milliseconds(gatehouse.limits.firstBytes))
            )
        }
        parts.authoriser.connection = gatehouse.witnesses.connection(channel, of: resident)
        if port == GatewayLimits.proxyPort, address.isLoopback {
            let connection = HTTPConnection(
                origin: .proxyPort,
                scheme: .http,
                port: port,
                lineage: resident.lineage
            )
            return try pipeline.addHandler(ProxyOpening(connection, parts))
        }
        guard let host = resident.host(.address(address), on: channel) else {
            parts.authoriser.refused(nil, .unknownAddress(.address(address)))
            return cutoff.cut()
        }
        let arrival = Arrival(host: host, port: port, isTunnel: false)
        parts.authoriser.place = arrival.description
        try pipeline.addHandler(Classifier(arrival, parts))
    }
}

extension Resident {
    /// The name that an address stands for, held until the connection ends; the host itself when it is not one of our
    /// addresses; nil for one of ours that stands for nothing.
    func host(_ host: Host, on channel: any Channel) -> Host? {
        guard case .address(let address) = host, SyntheticAddresses.contains(address) else { return host }
        guard let name = names.withLock({ $0.retain(address) }) else { return nil }
        channel.closeFuture.whenComplete { _ in self.names.withLock { $0.release(address) } }
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
