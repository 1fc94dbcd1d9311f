internal import DNSProtocol
internal import Glibc
internal import Model
internal import NIOCore
internal import Synchronization

/// Reads, from a raw ICMP socket in the agent's network namespace, which datagrams the kernel refused there, and puts
/// each destination on record once.
///
/// The refusal itself is the kernel's and has reached the sender already.
final class RefusalWatch: ChannelDuplexHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundIn = AddressedEnvelope<ByteBuffer>

    /// Messages read in one turn, about what the socket's buffer holds, and the length of a turn: an agent that sends
    /// without end costs the loop no more; what the kernel drops meanwhile is counted.
    private static let messagesPerTurn = 256
    private static let turn = TimeAmount.milliseconds(100)

    private let resident: Resident
    private let gatehouse: Gatehouse
    private let descriptor: Int32
    private var left = RefusalWatch.messagesPerTurn
    private var isPausing = false
    private var agentEnded = false

    /// `descriptor` is the channel's own socket.
    init(_ resident: Resident, _ gatehouse: Gatehouse, descriptor: Int32) {
        self.resident = resident
        self.gatehouse = gatehouse
        self.descriptor = descriptor
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        isPausing = false
    }

    func read(context: ChannelHandlerContext) {
        guard left <= 0, !agentEnded else { return context.read() }
        guard !isPausing else { return }
        isPausing = true
        let me = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Self.turn) { me.value.0.resume(me.value.1) }
    }

    private func resume(_ context: ChannelHandlerContext) {
        guard isPausing else { return }
        isPausing = false
        left = Self.messagesPerTurn
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        left -= 1
        let envelope = unwrapInboundIn(data)
        let bytes = Array(envelope.data.readableBytesView)
        let isV4 = envelope.remoteAddress.protocol == .inet
        guard let datagram = isV4 ? RefusedDatagram(ipv4: bytes) : RefusedDatagram(ipv6: bytes),
            resident.datagrams.withLock({ $0.note(datagram) })
        else { return }
        resident.recordDatagram(datagram, gatehouse.audit)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is AgentEnded else { return context.fireUserInboundEventTriggered(event) }
        // No more will come: what is there is read without a pause.
        agentEnded = true
        resume(context)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        let dropped = UInt64(SocketMemory.drops(of: descriptor))
        resident.datagrams.withLock { $0.missed(dropped) }
        context.close(mode: mode, promise: promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // One bad message says nothing about the next.
    }
}

/// What a socket says about its buffers.
private enum SocketMemory {
    /// `SO_MEMINFO` of asm-generic/socket.h; nine 32-bit numbers, `SK_MEMINFO_DROPS` the last (linux/sock_diag.h).
    private static let option: Int32 = 55
    private static let count = 9

    /// Messages that were lost because the buffer was full; 0 when the kernel does not say.
    static func drops(of descriptor: Int32) -> UInt32 {
        var numbers = [UInt32](repeating: 0, count: count)
        var size = socklen_t(count * MemoryLayout<UInt32>.size)
        let status = unsafe numbers.withUnsafeMutableBytes {
            unsafe getsockopt(descriptor, SOL_SOCKET, option, $0.baseAddress, &size)
        }
        return status == 0 ? numbers[count - 1] : 0
    }
}

extension Resident {
    /// Puts a destination of the agent's datagrams on record.
    func recordDatagram(_ datagram: RefusedDatagram, _ audit: any AuditSink) {
        let host =
            names.withLock { $0.name(for: datagram.address) }.map(Host.name) ?? .address(datagram.address)
        let arrival = Arrival(host: host, port: datagram.port, isTunnel: false)
        refuse(arrival.datagram, .datagram, audit)
    }

    /// Says with the agent's end how many datagrams no record speaks for.
    func sumUpDatagrams(_ audit: any AuditSink) {
        let count = datagrams.withLock { $0.unlisted }
        if count > 0 { refuse("udp", .furtherDatagrams(count), audit) }
    }

    private func refuse(_ resource: String, _ denial: Denial, _ audit: any AuditSink) {
        let record = RequestRecord(
            lineage: lineage,
            action: "connect",
            resource: resource,
            verdict: .deny,
            levels: [],
            reason: denial.reason,
            message: denial.message
        )
        audit.append(.request(record), until: .written) { _ in }
    }
}
