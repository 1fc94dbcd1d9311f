internal import Model
internal import NIOCore
internal import Wire

/// Some of one message, as it is on the wire.
struct FramePiece {
    let tag: UInt8
    /// With type and length where it begins.
    var bytes: ByteBuffer
    let begins: Bool
    let ends: Bool
    /// Octets of a client's message that is too long to be held: it is dropped, and this is its head.
    var dropped: Int?

    /// Behind type and length, of a whole message.
    var body: ByteBuffer {
        var body = bytes
        if begins { body.moveReaderIndex(forwardBy: FrameReader.header) }
        return body
    }
}

/// Reads the messages of one side: whole, but for data, which passes in parts where nobody has to see it whole.
struct FrameReader {
    /// Octets of type and length.
    static let header = 5

    private let side: Side
    private var bytes = ByteBuffer()
    /// Of the message that has begun to pass.
    private var tag: UInt8 = 0
    /// Octets of it that are still to come.
    private var left = 0
    /// They are dropped.
    private var isDropping = false
    /// Messages that have begun to pass in runs.
    private(set) var passed: UInt64 = 0

    init(from side: Side) {
        self.side = side
    }

    /// Whether the next octet is the first of a message.
    var isBetween: Bool { left == 0 }
    /// Octets that wait.
    var waiting: Int { bytes.readableBytes }

    /// The type of the next message, where it is there.
    var nextTag: UInt8? { left > 0 ? tag : bytes.getInteger(at: bytes.readerIndex) }

    mutating func append(_ more: ByteBuffer) { bytes.append(arrived: more) }

    /// The next piece that is there; nil when more octets are needed.
    ///
    /// `whole` holds every message until it is whole.
    mutating func next(whole: Bool) throws(PostgresFault) -> FramePiece? {
        defer { bytes.releaseIfRead() }
        if isDropping { drop() }
        guard left == 0 else { return isDropping ? nil : goOn() }
        guard let (tag, length) = try readHeader() else { return nil }
        let total = 1 + length
        if side == .client, length > PostgresLimits.held, tag != Tag.copyData {
            return beginDropping(tag, total)
        }
        if let message = bytes.readSlice(length: total) {
            return FramePiece(tag: tag, bytes: message, begins: true, ends: true)
        }
        guard isStreamed(tag), !whole else {
            guard length <= PostgresLimits.held else { throw tooLong(tag, length, PostgresLimits.held) }
            return nil
        }
        self.tag = tag
        left = total - bytes.readableBytes
        guard let part = bytes.readSlice(length: bytes.readableBytes) else { return nil }
        return FramePiece(tag: tag, bytes: part, begins: true, ends: false)
    }

    /// What is there of messages of this type, one behind the other, in one slice; nil where something else comes.
    ///
    /// Of the last one perhaps not all.
    mutating func run(of tag: UInt8) throws(PostgresFault) -> ByteBuffer? {
        defer { bytes.releaseIfRead() }
        guard !isDropping else { return nil }
        if left > 0 { return self.tag == tag ? goOn()?.bytes : nil }
        let start = bytes.readerIndex
        var place = start
        let end = bytes.writerIndex
        while place + Self.header <= end,
            let (next, wide) = bytes.getMultipleIntegers(at: place, as: (UInt8, UInt32).self), next == tag
        {
            let length = try check(next, wide)
            passed &+= 1
            guard length < end - place else {
                self.tag = tag
                left = length + 1 - (end - place)
                place = end
                break
            }
            place += length + 1
        }
        return place > start ? bytes.readSlice(length: place - start) : nil
    }

    /// The messages of this type that are there whole, one behind the other, in one slice; nil where there is none.
    mutating func wholeRun(of tag: UInt8) throws(PostgresFault) -> ByteBuffer? {
        defer { bytes.releaseIfRead() }
        guard left == 0 else { return nil }
        let start = bytes.readerIndex
        var place = start
        while let (next, wide) = bytes.getMultipleIntegers(at: place, as: (UInt8, UInt32).self), next == tag {
            let length = try check(next, wide)
            guard length <= PostgresLimits.held else { throw tooLong(tag, length, PostgresLimits.held) }
            guard length < bytes.writerIndex - place else { break }
            place += length + 1
        }
        return place > start ? bytes.readSlice(length: place - start) : nil
    }

    /// A message of which nothing is kept: what stands in its place is an error, and the session goes on.
    private mutating func beginDropping(_ tag: UInt8, _ total: Int) -> FramePiece? {
        guard let head = bytes.readSlice(length: Self.header) else { return nil }
        self.tag = tag
        left = total - Self.header
        isDropping = true
        drop()
        return FramePiece(tag: tag, bytes: head, begins: true, ends: true, dropped: total - 1)
    }

    private mutating func drop() {
        let count = min(left, bytes.readableBytes)
        bytes.moveReaderIndex(forwardBy: count)
        left -= count
        isDropping = left > 0
    }

    private mutating func goOn() -> FramePiece? {
        guard bytes.readableBytes > 0, let part = bytes.readSlice(length: min(left, bytes.readableBytes))
        else {
            return nil
        }
        left -= part.readableBytes
        return FramePiece(tag: tag, bytes: part, begins: false, ends: left == 0)
    }

    private func readHeader() throws(PostgresFault) -> (UInt8, Int)? {
        guard
            let (tag, wide) = bytes.getMultipleIntegers(at: bytes.readerIndex, as: (UInt8, UInt32).self)
        else { return nil }
        return (tag, try check(tag, wide))
    }

    /// The length, which counts itself.
    private func check(_ tag: UInt8, _ wide: UInt32) throws(PostgresFault) -> Int {
        guard let limit = limit(tag) else {
            throw .violation("\(name) sent a message of the unknown type \(tag)")
        }
        guard wide < 0x8000_0000 else {
            throw .violation("\(name) sent a message of type \(tag) with a negative length")
        }
        let length = Int(wide)
        guard length >= 4 else {
            throw .violation("\(name) sent a message of type \(tag) whose length is \(length), under 4")
        }
        guard length <= limit else { throw tooLong(tag, length, limit) }
        return length
    }

    private func tooLong(_ tag: UInt8, _ length: Int, _ limit: Int) -> PostgresFault {
        PostgresFault(
            .malformed,
            "\(name) sent a message of type \(tag) of \(length) octets, over the limit of \(limit)",
            code: "54000",
            remedy: "send or select less at a time"
        )
    }

    private var name: String { side == .client ? "the client" : "the database" }

    private func isStreamed(_ tag: UInt8) -> Bool {
        switch (side, tag) {
        case (.client, Tag.copyData): true
        case (.upstream, Tag.copyData), (.upstream, Tag.dataRow): true
        case (.upstream, Tag.notice), (.upstream, Tag.notification), (.upstream, Tag.functionResult): true
        default: false
        }
    }

    /// Nil for an unknown type.
    private func limit(_ tag: UInt8) -> Int? {
        side == .client ? Self.clientLimit(tag) : Self.upstreamLimit(tag)
    }

    private static func clientLimit(_ tag: UInt8) -> Int? {
        switch tag {
        case Tag.query, Tag.parse, Tag.bind, Tag.functionCall, Tag.copyData: PostgresLimits.largest
        case Tag.execute, Tag.describe, Tag.close, Tag.flush, Tag.sync, Tag.terminate, Tag.copyDone,
            Tag.copyFail:
            PostgresLimits.small
        default: nil
        }
    }

    private static func upstreamLimit(_ tag: UInt8) -> Int? {
        switch tag {
        case Tag.dataRow, Tag.copyData, Tag.notice, Tag.notification, Tag.functionResult:
            PostgresLimits.largest
        case Tag.rowDescription, Tag.error: PostgresLimits.held
        case Tag.authentication, Tag.backendKey, Tag.bindComplete, Tag.closeComplete, Tag.commandComplete,
            Tag.copyBoth, Tag.copyDone, Tag.copyIn, Tag.copyOut, Tag.emptyQuery, Tag.negotiation, Tag.noData,
            Tag.parameterDescription, Tag.parameterStatus, Tag.parseComplete, Tag.portalSuspended, Tag.ready:
            PostgresLimits.short
        default: nil
        }
    }
}
