internal import Glibc
internal import NIOCore

/// The outermost handler of every channel: cuts the connection at once, past TLS and everything that waits.
///
/// A revoked agent's connections must end with no further byte in either direction; closing through the pipeline
/// would let TLS say goodbye first and the kernel send what is queued.
final class ResetSwitch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    /// Sends RST and drops whatever is queued.
    ///
    /// On the channel's loop only.
    func cut() {
        arm()
        context?.close(promise: nil)
    }

    /// Sends RST now, and nothing else: the channel hears of it when it is closed, which takes longer.
    ///
    /// On the channel's loop only, before it is closed in the same turn.
    func disconnect() {
        guard let pipeline = context?.pipeline.syncOperations else { return }
        // What cannot be reset so is when it is closed.
        try? pipeline.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { descriptor in
            // connect(2): an address of no family dissolves the association; TCP resets it (tcp_disconnect).
            var nobody = sockaddr()
            nobody.sa_family = sa_family_t(AF_UNSPEC)
            _ = unsafe connect(descriptor, &nobody, socklen_t(MemoryLayout<sockaddr>.size))
        }
    }

    /// Makes every later close of this channel a reset, whoever closes it.
    ///
    /// On the channel's loop only.
    func arm() {
        guard let options = context?.channel as? any SocketOptionProvider else { return }
        // With a linger time of zero close(2) resets (tcp(7), SO_LINGER).
        options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in }
    }
}

extension ChannelHandlerContext {
    /// Cuts this connection at once.
    func reset() {
        if let cutoff = try? pipeline.syncOperations.handler(type: ResetSwitch.self) {
            cutoff.cut()
        } else {
            close(promise: nil)
        }
    }
}
