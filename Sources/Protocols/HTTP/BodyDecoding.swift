import NIOCore
import Reflection

/// Undoes the codings of one body in turns: a few octets may stand for very many, and others wait for the same loop.
struct BodyDecoding {
    /// The outermost coding first.
    private var decoders: [ContentDecoder] = []
    /// Of a call whose messages are read one by one.
    private var messages: CallMessages?
    /// What it was given and no decoder has.
    private var input: ByteBuffer?
    /// All that it was given is undone.
    private(set) var isThrough = true

    /// What is as it is.
    init() {}

    init(_ codings: [ContentCoding], _ messages: CallMessages?) throws(DecodingFault) {
        for coding in codings.reversed() { decoders.append(try ContentDecoder(coding)) }
        self.messages = messages
    }

    /// Whether it stands for other octets.
    var isCoded: Bool { !decoders.isEmpty || messages?.isCoded == true }

    /// Octets that are kept back of messages that have not come whole.
    var heldOctets: Int { messages?.heldOctets ?? 0 }

    /// Gives it more of the body; all that came before is undone.
    mutating func give(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        input = bytes
        isThrough = false
    }

    /// The next piece of what the body stands for.
    ///
    /// - Parameter room: octets that may still be made in this turn; what is as it is takes none.
    /// - Returns: nil where all is undone, or there is no room: `isThrough` says which.
    /// - Throws: `DecodingFault` where it is not coded so.
    mutating func next(within room: inout Int) throws(DecodingFault) -> ByteBuffer? {
        guard !isThrough else { return nil }
        guard !decoders.isEmpty || messages != nil else {
            isThrough = true
            return takeInput()
        }
        let piece = try undone(within: &room)
        isThrough = piece == nil && room > 0
        return piece
    }

    /// Nothing follows.
    func finish() throws(DecodingFault) {
        for decoder in decoders { try decoder.finish() }
        try messages?.finish()
    }

    private mutating func undone(within room: inout Int) throws(DecodingFault) -> ByteBuffer? {
        guard let messages else { return try piece(behind: decoders.count, within: &room) }
        while room > 0 {
            if let piece = try messages.next(within: &room) { return piece }
            guard room > 0, let more = try piece(behind: decoders.count, within: &room) else { return nil }
            messages.give(more)
        }
        return nil
    }

    /// The next that so many decoders have made, one behind the other.
    ///
    /// What an outer one makes counts as well: an inner one may make nothing of it.
    private mutating func piece(
        behind layers: Int,
        within room: inout Int
    ) throws(DecodingFault) -> ByteBuffer? {
        guard layers > 0 else { return takeInput() }
        let decoder = decoders[layers - 1]
        while room > 0 {
            if let piece = try decoder.next() {
                room -= piece.readableBytes + ReflectionLimits.pieceCost
                return piece
            }
            guard let more = try piece(behind: layers - 1, within: &room) else { return nil }
            decoder.give(more)
        }
        return nil
    }

    private mutating func takeInput() -> ByteBuffer? {
        defer { input = nil }
        return input
    }
}
