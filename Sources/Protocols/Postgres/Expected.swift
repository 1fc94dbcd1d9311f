internal import Model
internal import NIOCore
internal import Wire

/// A statement that was prepared under a name, or under none.
///
/// One of it, however often it is owed for or bound.
final class Prepared {
    /// Of its own: names are used again.
    let serial: UInt64
    let read: ReadStatements
    /// Of its results when it was prepared.
    let masks: Masks
    /// Octets of its text.
    let size: Int
    /// Of its parameters: those that Parse names, and then what the server says.
    var types: [UInt32]
    /// Rules ask about each execution of it; nil where it was allowed as it is.
    let asked: AskedText?
    /// The server has said that it is there.
    var isConfirmed = false

    init(
        serial: UInt64,
        read: ReadStatements,
        masks: Masks,
        size: Int,
        types: [UInt32],
        asked: AskedText?
    ) {
        self.serial = serial
        self.read = read
        self.masks = masks
        self.size = size
        self.types = types
        self.asked = asked
    }
}

/// A statement with its parameters, ready to be executed.
struct Portal {
    let serial: UInt64
    let statement: Prepared
    /// For the record.
    let parameters: RecordedParameters?
    /// What an approval of it is bound to, where rules ask about the statement.
    let asked: AskedExecution?
}

/// What a message is about, and its name as it came.
enum Named {
    case statement([UInt8], ByteBuffer)
    case portal([UInt8], ByteBuffer)
}

/// An answer that the server owes, in the order of what was sent to it.
struct Expected {
    enum Kind {
        /// Results, then ReadyForQuery.
        case query
        /// `previous` is what the name stood for.
        case parse(name: [UInt8], serial: UInt64, previous: Prepared?)
        /// `previous` is what the name stood for, and stands for again where this fails.
        case bind(name: [UInt8], serial: UInt64, previous: Portal?)
        case describeStatement(Prepared)
        /// Nobody but the gateway asked where it is not shown.
        case describePortal(UInt64, isShown: Bool)
        case execute(UInt64)
        case closeStatement(name: [UInt8], serial: UInt64?)
        case closePortal
        /// ReadyForQuery.
        case sync
        case functionCall
        /// It stands in the place of what was refused, and must fail.
        case failure(isQuery: Bool)
    }

    let kind: Kind
    /// What it goes under, where that is not the session's own.
    var id: RulingID?
    /// The answer in the place of the server's error.
    var refusal: ByteBuffer?
    var masks = Masks()
    var copies = false
    /// A stream of replication may come.
    var streams = false
    /// Settings may be other ones, when it is answered, than the server said last.
    var isUnsettled = false
    /// What a statement is executed with.
    var parameters: RecordedParameters?
    /// Of what it gives, as its text says.
    var results: [ResultMask]?
    var layout: CopyLayout?

    init(_ kind: Kind, id: RulingID? = nil, refusal: ByteBuffer? = nil) {
        self.kind = kind
        self.id = id
        self.refusal = refusal
    }

    /// Whether an error here is followed by ReadyForQuery without a Sync.
    var isSimple: Bool {
        switch kind {
        case .query, .functionCall, .failure(isQuery: true), .sync: true
        case .parse, .bind, .describeStatement, .describePortal, .execute, .closeStatement, .closePortal,
            .failure(isQuery: false):
            false
        }
    }

    /// What a statement was read to give.
    mutating func take(_ read: ReadStatements, _ masks: Masks) {
        self.masks = masks
        copies = read.copies
        streams = read.streams
        isUnsettled = read.isBatch && read.changesSettings
        results = read.results
        layout = read.layout
    }

    var isSync: Bool { if case .sync = kind { true } else { false } }
}

/// What an engine has to say, with octets for the same side put together.
struct Outbox {
    /// Octets that others may be put to.
    private struct Run {
        var bytes: ByteBuffer
        let side: Side
        let id: RulingID
    }

    private var actions: [EngineAction<ByteBuffer>] = []
    private var run: Run?

    mutating func append(_ action: EngineAction<ByteBuffer>) {
        endRun()
        actions.append(action)
    }

    /// To the server: under a statement's ruling, or behind what is.
    mutating func upstream(_ bytes: ByteBuffer, under id: RulingID, joining: Bool) {
        forward(bytes, .upstream, id, joins: run?.side == .upstream && (joining || run?.id == id))
    }

    mutating func client(_ bytes: ByteBuffer, under id: RulingID) {
        forward(bytes, .client, id, joins: run?.side == .client && run?.id == id)
    }

    /// All of it, once.
    mutating func drain() -> [EngineAction<ByteBuffer>] {
        endRun()
        defer { actions = [] }
        return actions
    }

    private mutating func forward(_ bytes: ByteBuffer, _ side: Side, _ id: RulingID, joins: Bool) {
        if joins {
            run?.bytes.writeImmutableBuffer(bytes)
        } else {
            endRun()
            run = Run(bytes: bytes, side: side, id: id)
        }
    }

    private mutating func endRun() {
        guard let ended = run else { return }
        run = nil
        actions.append(.forward(ended.bytes, to: ended.side, under: ended.id))
    }
}
