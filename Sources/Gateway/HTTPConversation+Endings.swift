internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOHTTP1

// Endings.
extension HTTPConversation {
    /// An engine that did what it must not: the connection ends, nothing more is forwarded.
    func breakOff(because cause: String = "the connection was broken off") {
        ending = true
        sayWhatWasMasked()
        conclude(because: cause)
        link?.close()
        link = nil
        context?.reset()
    }

    /// Ends what is decided already; what the client may still have to say is read, refused and recorded.
    func agentEnded(_ event: AgentEnded) {
        authoriser.agentEnded()
        let isBetween = requests > 0 && event.isRevoked
        if deciding || exchange != nil || answering || isBetween { breakOff(because: event.cause) }
    }

    /// Ends both sides once what was written has been sent.
    func close() {
        guard !ending else { return }
        ending = true
        conclude(because: "the connection was closed before its end")
        link?.close()
        link = nil
        guard let context else { return }
        context.flush()
        // An orderly end could be taken for the end of the body (RFC 9112 section 6.3, case 8).
        guard !answering else { return context.reset() }
        guard let lastWrite else { return context.close(promise: nil) }
        // Lingering close: a close with unread bytes would reset the connection and take our answer with it.
        let channel = context.channel
        lastWrite.whenComplete { _ in
            channel.close(mode: .output, promise: nil)
            let timer = channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
            channel.closeFuture.whenComplete { _ in timer.cancel() }
        }
    }

    /// The rest of the client's bytes are a connection of their own, to be classified like a captured one.
    func finishHandOver(_ part: HTTPServerRequestPart) {
        guard let context, case .end = part, let (host, port) = tunnel else { return }
        tunnel = nil
        timer?.cancel()
        context.flush()
        let pipeline = context.channel.pipeline.syncOperations
        do {
            let arrival = Arrival(host: host, port: port, isTunnel: true)
            authoriser.place = arrival.description
            let classifier = Classifier(
                arrival,
                ConnectionParts(authoriser, gatehouse, loop: context.eventLoop)
            )
            try pipeline.addHandler(classifier)
            // The decoder goes last: on its way out it hands on what it had not parsed.
            pipeline.removeHandler(self).assumeIsolated().whenFailure { _ in context.close(promise: nil) }
            let encoder = try pipeline.handler(type: HTTPResponseEncoder.self)
            pipeline.removeHandler(encoder).assumeIsolated().whenFailure { _ in context.close(promise: nil) }
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            pipeline.removeHandler(decoder).assumeIsolated().whenFailure { _ in context.close(promise: nil) }
        } catch {
            context.close(promise: nil)
        }
    }

    func schedule(_ context: ChannelHandlerContext, in time: TimeAmount) {
        let conversation = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: time) { conversation.value.checkTime() }
    }

    private func checkTime() {
        guard let context, !ending else { return }
        let silent = NIODeadline.now() - lastActivity
        guard silent >= patience else { return schedule(context, in: patience - silent) }
        // Between two requests nothing is lost: an orderly end. Anything else is reset.
        guard exchange == nil, !deciding, requests > 0 else { return breakOff() }
        ending = true
        context.close(promise: nil)
    }

    var patience: TimeAmount {
        if exchange != nil || deciding { return .milliseconds(gatehouse.limits.idle) }
        return .milliseconds(requests == 0 ? gatehouse.limits.requestHead : gatehouse.limits.keepAlive)
    }
}
