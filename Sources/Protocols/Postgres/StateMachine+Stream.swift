package import Model
internal import NIOCore
package import Wire

// Streams of replication: COPY in both directions, or a backup, of which nothing is held.
extension PostgresSession {
    /// Its data may come, or the client's may.
    var isStreaming: Bool { if case .both = copy { true } else { false } }

    /// What comes is that of a command that streams.
    var isStream: Bool { expected.first?.streams ?? false }

    /// The stream under way, and the messages that have passed of it.
    package var stream: (id: RulingID, messages: RecordedMessages)? {
        guard let head = expected.first, head.streams, let id = head.id, let streamed else { return nil }
        return (id, streamed)
    }

    /// CopyBothResponse.
    mutating func beginStream(_ piece: FramePiece, _ body: inout ByteBuffer) throws(PostgresFault) {
        guard let head = expected.first, head.streams, head.masks.union(lasting).isEmpty, case .none = copy,
            let format = body.readInteger(as: UInt8.self), format <= 1
        else { throw .violation("the database began to stream what nobody asked for") }
        copy = .both(client: true, server: true)
        copyMask = nil
        streamed = RecordedMessages()
        outbox.client(piece.bytes, under: id)
    }

    /// The client's data that are there; nil for none.
    mutating func passFromClient() throws(PostgresFault) -> ByteBuffer? {
        let before = client.passed
        guard let data = try client.run(of: Tag.copyData) else { return nil }
        isAmidData = !client.isBetween
        if isStream { countSent(client.passed &- before) }
        return data
    }

    /// A backup of servers before 15 is one COPY behind the other.
    func mayBeginCopy(_ head: Expected) -> Bool {
        switch copy {
        case .none: true
        case .ending: head.streams
        case .fromClient, .toClient, .both: false
        }
    }

    private mutating func countSent(_ count: UInt64) {
        var messages = streamed ?? RecordedMessages()
        messages.sent &+= count
        streamed = messages
    }

    mutating func countReceived(_ count: UInt64) {
        var messages = streamed ?? RecordedMessages()
        messages.received &+= count
        streamed = messages
    }

    static var unmaskable: PostgresError {
        PostgresError(
            code: "42501",
            message: "the result of this COPY cannot be masked as a rule says",
            detail:
                "COPY does not describe its columns, and its text does not say for certain which they are",
            hint: "select the rows instead, or send one COPY of one table by itself, in the encoding UTF8"
        )
    }

    static var unmaskableStream: Denial {
        Denial(
            reason: .denied,
            message: "what is streamed cannot be masked, and rules for this database mask",
            rule: nil,
            decidedBy: nil,
            remedy: "select it, which is masked, or ask whoever wrote the profile for rules without a mask"
        )
    }
}
