internal import Model
internal import NIOCore

/// How a new connection to one upstream is made ready for requests.
struct UpstreamDial: Sendable {
    let endpoint: Endpoint
    let context: UpstreamTLS.Kind
    let gatehouse: Gatehouse

    /// Puts the handlers of a connection that is about to be made.
    func prepare(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            guard endpoint.scheme == .https else { return try pipeline.addUpstreamLink() }
            try pipeline.addHandler(gatehouse.tls.handler(for: endpoint.host, context))
            if case .name(let name) = endpoint.host { try pipeline.addHandler(CertificateName(name)) }
            try pipeline.addHandler(negotiation(channel))
        }
    }

    private func negotiation(_ channel: any Channel) -> UpstreamNegotiation {
        let limits = gatehouse.limits
        let ready = channel.eventLoop.makePromise(of: Void.self)
        let timer = channel.eventLoop.scheduleTask(in: .milliseconds(limits.upstreamHandshake)) {
            ready.fail(ChannelError.connectTimeout(.milliseconds(limits.upstreamHandshake)))
            channel.close(promise: nil)
        }
        ready.futureResult.whenComplete { _ in timer.cancel() }
        return UpstreamNegotiation(ready: ready, idle: .milliseconds(limits.idleUpstreamTime))
    }

    /// Completes when a connection that was made can take a request: at once in the clear, after the handshake under TLS.
    func ready(_ channel: any Channel, on loop: any EventLoop) -> EventLoopFuture<Void> {
        guard endpoint.scheme == .https else { return loop.makeSucceededVoidFuture() }
        return loop.makeCompletedFuture {
            try channel.pipeline.syncOperations.handler(type: UpstreamNegotiation.self).ready
        }
        .flatMap { $0.futureResult }
    }
}
