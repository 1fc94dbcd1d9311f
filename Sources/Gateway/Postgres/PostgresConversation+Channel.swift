internal import Model
internal import NIOCore
internal import PostgresProtocol
internal import Wire

// What the client's channel says.
extension PostgresConversation {
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        schedule(context, in: patience)
        open()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
        isOver = true
        conclude(because: Self.gone)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received(unwrapInboundIn(data))
    }

    func received(_ octets: ByteBuffer) {
        guard !isOver else { return }
        guard engine != nil else { return breakOff() }
        lastActivity = .now()
        dropLapsed()
        perform(engine?.received(octets, from: .client) ?? [])
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush()
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if mayRead { context.read() } else { waitingToRead = true }
    }

    private var mayRead: Bool {
        isOver || (engine?.wantsClientMessages ?? false) && (server?.isWritable ?? true)
    }

    /// Reads on if something was held back and may be read now.
    func resumeReading() {
        guard waitingToRead, mayRead, let context else { return }
        waitingToRead = false
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { server?.resumeReading() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? AgentEnded {
            authoriser.agentEnded()
            if event.isRevoked { cancelStatements() }
            return breakOff(because: event.cause)
        }
        if case .some(.inputClosed) = event as? ChannelEvent, !isOver {
            guard engine != nil else { return breakOff() }
            perform(engine?.ended(.client) ?? [])
            flush()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        breakOff()
    }

    func flush() {
        flushClient()
        server?.flush()
    }

    func flushClient() {
        guard isUnflushed else { return }
        isUnflushed = false
        context?.flush()
    }
}

// What the server says.
extension PostgresConversation {
    func received(_ octets: ByteBuffer, from sender: PostgresServer) {
        guard sender === server, !isOver else { return }
        lastActivity = .now()
        dropLapsed()
        perform(engine?.received(octets, from: .upstream) ?? [])
        server?.flush()
        resumeReading()
    }

    /// The server's connection is gone.
    func serverEnded(_ sender: PostgresServer) {
        guard sender === server, !isOver else { return }
        perform(engine?.ended(.upstream) ?? [])
        flushClient()
    }
}

// Endings.
extension PostgresConversation {
    /// A server learns that its client was reset when it next sends something: what an agent that is cut off has asked for is
    /// stopped by word.
    private func cancelStatements() {
        guard !statements.isEmpty, let key, let server,
            let session = gatehouse.keys.session(key, of: parts.resident.id)
        else { return }
        let (authoriser, opening) = (authoriser, opening)
        server.cancel(session.key)?.whenComplete { result in
            guard case .failure(let error) = result else { return }
            authoriser.refused(opening, UpstreamFault.denial(error, opening.endpoint))
        }
    }

    /// Nothing more is forwarded.
    func breakOff(because cause: String = "the connection was broken off") {
        isOver = true
        conclude(because: cause)
        context?.reset()
    }

    /// Ends both sides once what was written has been sent.
    func close() {
        guard !isOver else { return }
        isOver = true
        // The client's goodbye.
        server?.flush()
        conclude(because: Self.over)
        guard let context else { return }
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    /// Tells the client why there is no session.
    func refuse(_ error: PostgresError) {
        writeClient(error.octets)
        close()
    }

    private var patience: TimeAmount { .milliseconds(gatehouse.limits.idle) }

    private func schedule(_ context: ChannelHandlerContext, in time: TimeAmount) {
        let conversation = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: time) { conversation.value.checkTime() }
    }

    private func checkTime() {
        guard let context, !isOver else { return }
        let silent = NIODeadline.now() - lastActivity
        guard silent >= patience else { return schedule(context, in: patience - silent) }
        refuse(
            PostgresError(
                severity: "FATAL",
                code: "57P05",
                message: "terminating connection due to idle-session timeout",
                hint: "Connect again; a session may be silent for \(gatehouse.limits.idle / 1_000) s."
            )
        )
    }
}

/// A statement that was allowed, until it ends.
struct StatementUnderWay {
    var reply: Reply
    /// Of its results, where the profile demands it.
    let recording: RowRecording?
    /// What it was approved by; nil where no rule asks.
    let approval: SpentApproval?
    /// The session rests on it as long as it goes on.
    let isStream: Bool
    /// When it was allowed.
    let start = NIODeadline.now()

    /// It was cut off; of a stream how much had passed is known.
    func cut(because cause: String, _ messages: RecordedMessages?) -> Reply {
        guard let messages else { return reply.ended(cause) }
        return ended(StatementOutcome(messages: messages), at: .now()).ended(cause)
    }

    /// What goes on record of its end.
    func ended(_ outcome: StatementOutcome?, at end: NIODeadline) -> Reply {
        var reply = reply
        reply.outcome = outcome?.tag ?? outcome?.code.map { "ERROR \($0)" }
        reply.execution = RecordedExecution(
            microseconds: UInt64(max(0, (end - start).nanoseconds / 1_000)),
            rows: outcome?.rows,
            parameters: outcome?.parameters,
            messages: outcome?.messages
        )
        return reply
    }
}

extension Request {
    /// A text without any statement.
    var doesNothing: Bool { if case .sql(let sql) = action { sql.deeds.isEmpty } else { false } }

    /// A command that streams, which goes on by itself.
    var isStream: Bool {
        guard case .sql(let sql) = action else { return false }
        return sql.deeds.contains { $0.kind == .replicationStream }
    }
}

extension ColumnMask {
    init(_ pattern: ColumnPattern) {
        self.init(schema: pattern.schema?.text, table: pattern.table?.text, column: pattern.column.text)
    }
}
