package import Model
internal import NIOCore
internal import NIOPosix

/// Sends the operator's own messages where no gateway runs: a command's.
package final class OperatorClient: MessageTransport {
    private let client: TokenClient
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// Of a configuration whose names, further roots and limits count.
    ///
    /// Fails when the further roots cannot be read.
    package init(_ configuration: GatewayConfiguration) throws {
        client = TokenClient(
            names: Resolver(configuration, BlockingWork(configuration.limits)),
            tls: try UpstreamTLS(furtherRoots: configuration.upstreamRoots),
            limits: configuration.limits,
            group: group
        )
    }

    package func post(_ message: OperatorMessage) throws(MessageFailure) -> MessageReply {
        try client.reply(to: message)
    }

    deinit { try? group.syncShutdownGracefully() }
}
