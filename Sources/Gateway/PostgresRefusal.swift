internal import Model
internal import NIOCore

/// Tells a PostgreSQL client in its own protocol that it is refused; what it wanted is on record already.
///
/// Its first messages have no type (PostgreSQL, "Message Formats"): a length, and a code that asks for encryption, which is
/// declined, or says which version it speaks, which is answered with the error that ends the session.
final class PostgresRefusal: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What a first message is.
    enum Opening {
        case encryption
        case session
        case other

        /// By its code: version 3.0, or what asks for TLS or GSSAPI.
        init(code: UInt32) {
            self =
                switch code {
                case 0x0003_0000: .session
                case 0x04D2_162F, 0x04D2_1630: .encryption
                default: .other
                }
        }
    }

    /// Octets of a first message: MAX_STARTUP_PACKET_LENGTH of PostgreSQL's pqcomm.h.
    private static let longest: UInt32 = 10_000
    /// Requests for encryption of one client: by GSSAPI, then by TLS.
    private static let declined = 2

    private let denial: Denial
    private let patience: TimeAmount
    private var bytes = ByteBuffer()
    private var asked = 0
    private var isEnded = false
    private var timer: Scheduled<Void>?

    init(_ denial: Denial, patience: TimeAmount) {
        self.denial = denial
        self.patience = patience
    }

    /// Whether a connection begins as one of PostgreSQL's does.
    static func isOpening(_ view: ByteBufferView) -> Bool {
        var buffer = ByteBuffer(view)
        guard let (length, code) = buffer.readMultipleIntegers(as: (UInt32, UInt32).self), length <= longest
        else {
            return false
        }
        if case .other = Opening(code: code) { return false }
        return length >= 8
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: patience) { bound.value.reset() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isEnded else { return }
        var chunk = unwrapInboundIn(data)
        bytes.writeBuffer(&chunk)
        guard let (length, code) = bytes.getMultipleIntegers(at: bytes.readerIndex, as: (UInt32, UInt32).self)
        else { return }
        switch Opening(code: code) {
        case .session: end(context)
        // Nothing may follow it in the clear (CVE-2021-23222).
        case .encryption where length == 8 && bytes.readableBytes == 8 && asked < Self.declined:
            asked += 1
            bytes.clear()
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "N")), promise: nil)
        case .encryption, .other: context.reset()
        }
    }

    /// ErrorResponse, with the code of `invalid_authorization_specification`.
    private func end(_ context: ChannelHandlerContext) {
        isEnded = true
        let fields = [
            "SFATAL", "VFATAL", "C28000", "M" + (denial.told ?? denial.message), "H" + denial.remedy, "",
        ]
        let body = fields.flatMap { $0.utf8.filter { $0 != 0 } + [0] }
        var answer = ByteBuffer(string: "E")
        answer.writeInteger(UInt32(clamping: body.count + 4))
        answer.writeBytes(body)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(answer)).assumeIsolated().whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
