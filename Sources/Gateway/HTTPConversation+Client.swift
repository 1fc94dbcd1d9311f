internal import HTTPProtocol
internal import NIOCore
internal import NIOHTTP1
internal import Wire

// What the client's channel says.
extension HTTPConversation {
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        schedule(context, in: patience)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        authoriser.resident.hold(-held)
        held = 0
        timer?.cancel()
        self.context = nil
        sayWhatWasMasked()
        conclude(because: "the agent's connection ended")
        link?.close()
        link = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !ending else { return finishHandOver(unwrapInboundIn(data)) }
        let message: HTTPMessage
        switch unwrapInboundIn(data) {
        case .head(let head): message = .requestHead(head)
        case .body(let bytes): message = .body(bytes.fitted())
        case .end(let trailers): message = .end(trailers)
        }
        lastActivity = .now()
        advance { $0.received(message, from: .client) }
        account()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush()
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if mayRead { context.read() } else { waitingToRead = true }
    }

    /// Counts what the engine holds of bodies among what it holds for the agent.
    func account() {
        guard engine.gatheredOctets != held else { return }
        let isWithin = authoriser.resident.hold(engine.gatheredOctets - held)
        held = engine.gatheredOctets
        guard !isWithin else { return }
        // Before anything else: what waited behind the body may ask and be held in its turn.
        authoriser.resident.hold(-held)
        held = 0
        perform(engine.refuseGathering(.bodiesOverBudget))
    }

    var mayRead: Bool {
        if ending { return true }
        return engine.wantsClientMessages && (link?.isWritable ?? true)
            && exchange?.note.recording?.hasRoom ?? true
    }

    /// Reads on if something was held back and may be read now.
    func resumeReading() {
        guard waitingToRead, mayRead, let context else { return }
        waitingToRead = false
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { resumeReply() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? AgentEnded { return agentEnded(event) }
        if case .some(.inputClosed) = event as? ChannelEvent {
            if ending { return context.close(promise: nil) }
            // Who waits for an answer does not say first that nothing will be asked any more: it is gone.
            if authoriser.holding != nil, !isStream { return breakOff() }
            perform(engine.ended(.client))
            flush()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !ending else { return }
        // A head that the agent's end cut off is not the client's mistake; the connection's own record says so.
        if error as? HTTPParserError == .invalidEOFState, authoriser.resident.current.closed {
            return breakOff()
        }
        guard let fault = HTTPMessage.Unreadable(error) else { return breakOff() }
        perform(engine.received(.unreadable(fault), from: .client))
        flush()
    }

    func flush() {
        flushClient()
        link?.flush()
    }

    func flushClient() {
        exchange?.note.recording?.submit()
        guard isUnflushed else { return }
        isUnflushed = false
        context?.flush()
    }
}
