internal import DNSProtocol
internal import Model
internal import NIOCore
internal import Synchronization

/// Answers an agent's DNS datagrams out of nothing (see `DNSStub`): no query ever leaves the machine.
final class NameService: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    /// RFC 1035 section 4.2.1.
    static let port: UInt16 = 53

    private let resident: Resident
    private let descriptor: Int32

    /// `descriptor` is the channel's own socket: answers are sent on it directly, because only sendmsg(2) with
    /// packet information answers from the address that was asked (B16).
    init(_ resident: Resident, descriptor: Int32) {
        self.resident = resident
        self.descriptor = descriptor
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        guard
            let asked = (envelope.metadata?.packetInfo?.destinationAddress).flatMap(IPAddress.init(socket:)),
            let response = resident.answer(Array(envelope.data.readableBytesView))
        else { return }
        // A datagram that cannot be sent now is lost, like any other: resolvers ask again.
        Datagram.send(response, on: descriptor, from: asked, to: envelope.remoteAddress)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // One bad datagram (an ICMP error for an earlier answer) says nothing about the next.
    }
}

/// The same answers over TCP (RFC 7766).
final class StreamNames: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Queries on one connection: far more than a resolver library asks.
    private static let maximumQueries = 1_024

    private let resident: Resident
    private let idle: TimeAmount
    private var framing = DNSStreamFraming()
    private var queries = 0
    private var timer: Scheduled<Void>?

    init(_ resident: Resident, idle: TimeAmount) {
        self.resident = resident
        self.idle = idle
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: idle) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do {
            for message in try framing.received(unwrapInboundIn(data).readableBytesView) {
                queries += 1
                guard queries <= Self.maximumQueries, let answer = resident.answer(message),
                    let framed = DNSStreamFraming.framed(answer)
                else { return context.close(promise: nil) }
                context.write(wrapOutboundOut(ByteBuffer(bytes: framed)), promise: nil)
            }
        } catch {
            context.close(promise: nil)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is AgentEnded { return context.close(promise: nil) }
        if case .some(.inputClosed) = event as? ChannelEvent { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

extension Resident {
    /// The answer to one DNS message; nil when there must be none.
    func answer(_ message: [UInt8]) -> [UInt8]? {
        names.withLock { DNSStub.answer(message, from: &$0, knowing: outward.knows).response }
    }
}
