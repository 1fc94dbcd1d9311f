internal import Model
internal import NIOCore

/// Holds a connection until the kernel has said which network namespace it came from.
///
/// The listener says which agent it is; the cookie makes sure that nobody else got hold of that listener.
final class Doorway: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    private let acceptor: Acceptor
    private let parts: ConnectionParts
    private let cutoff: ResetSwitch
    private var waitingToRead = false

    init(_ acceptor: Acceptor, _ parts: ConnectionParts, _ cutoff: ResetSwitch) {
        self.acceptor = acceptor
        self.parts = parts
        self.cutoff = cutoff
    }

    func channelActive(context: ChannelHandlerContext) {
        guard let expected = acceptor.resident.namespaceCookie else { return enter(context) }
        acceptor.cookie(of: context.channel).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let found) where found == expected: self.enter(context)
            case .success(let found): self.turnAway(.foreignNamespace(found))
            case .failure: self.turnAway(.foreignNamespace(0))
            }
        }
    }

    func read(context: ChannelHandlerContext) {
        waitingToRead = true
    }

    private func enter(_ context: ChannelHandlerContext) {
        let channel = context.channel
        do {
            try acceptor.admit(channel, parts, cutoff)
            let reading = waitingToRead
            context.pipeline.syncOperations.removeHandler(self).assumeIsolated().whenComplete { _ in
                if reading { channel.read() }
            }
        } catch {
            cutoff.cut()
        }
    }

    private func turnAway(_ denial: Denial) {
        parts.authoriser.refused(nil, denial)
        cutoff.cut()
    }
}
