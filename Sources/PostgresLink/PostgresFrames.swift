// What Bailey and `bailey-postgres` say to one another: four octets of length, most significant first, and so many octets: a letter
// and fields. A field is a letter (0 for NULL, t for text, b for binary), and behind all but the first its length and octets.

/// Cuts what comes into frames.
package struct FrameBuffer: Sendable {
    private var octets: [UInt8] = []
    /// How many of them are taken already.
    private var start = 0

    package init() {}

    package mutating func append(_ piece: [UInt8]) {
        octets.removeFirst(start)
        start = 0
        octets += piece
    }

    /// The next whole frame's octets; nil until they are there.
    package mutating func next() throws(FrameFault) -> ArraySlice<UInt8>? {
        let rest = octets[start...]
        guard rest.count >= 4 else { return nil }
        let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        guard length <= PostgresLimits.frame else { throw FrameFault() }
        guard rest.count >= 4 + length else { return nil }
        start += 4 + length
        return rest.dropFirst(4).prefix(length)
    }
}

/// What came is no frame.
package struct FrameFault: Error, Sendable, Hashable {}

/// What the program is asked to do.
package enum PostgresOrder: Sendable, Hashable {
    /// libpq's keywords, each with its value behind it.
    case connect([String])
    case run(String, [PostgresValue])
    /// Until somebody notifies of something that is listened to, so many milliseconds long.
    case wait(Int64)

    package var frame: [UInt8] {
        switch self {
        case .connect(let words): FrameText.frame("C", words.map { .text($0) })
        case .run(let statement, let values): FrameText.frame("Q", [.text(statement)] + values)
        case .wait(let milliseconds): FrameText.frame("W", [.number(milliseconds)])
        }
    }

    package init(_ frame: ArraySlice<UInt8>) throws(FrameFault) {
        let (letter, fields) = try FrameText.fields(of: frame)
        switch letter {
        case UInt8(ascii: "C"):
            var words: [String] = []
            for field in fields {
                guard let word = field.string else { throw FrameFault() }
                words.append(word)
            }
            guard words.count.isMultiple(of: 2) else { throw FrameFault() }
            self = .connect(words)
        case UInt8(ascii: "Q"):
            guard let statement = fields.first?.string else { throw FrameFault() }
            self = .run(statement, Array(fields.dropFirst()))
        case UInt8(ascii: "W"):
            guard fields.count == 1, let number = fields[0].string.flatMap({ Int64($0) }) else {
                throw FrameFault()
            }
            self = .wait(number)
        default: throw FrameFault()
        }
    }
}

/// What the program answers: rows, and then one of the others.
package enum PostgresAnswer: Sendable, Hashable {
    case row([PostgresValue])
    /// How many rows were changed, or how often somebody notified.
    case done(Int64)
    /// An SQLSTATE, empty where the server said none, and words.
    case refused(state: String, words: String)

    package var frame: [UInt8] {
        switch self {
        case .row(let values): FrameText.frame("R", values)
        case .done(let count): FrameText.frame("D", [.number(count)])
        case .refused(let state, let words): FrameText.frame("E", [.text(state), .text(words)])
        }
    }

    package init(_ frame: ArraySlice<UInt8>) throws(FrameFault) {
        let (letter, fields) = try FrameText.fields(of: frame)
        switch letter {
        case UInt8(ascii: "R"): self = .row(fields)
        case UInt8(ascii: "D"):
            guard fields.count == 1, let count = fields[0].string.flatMap({ Int64($0) }) else {
                throw FrameFault()
            }
            self = .done(count)
        case UInt8(ascii: "E"):
            guard fields.count == 2, let state = fields[0].string, let words = fields[1].string else {
                throw FrameFault()
            }
            self = .refused(state: state, words: words)
        default: throw FrameFault()
        }
    }
}

/// Frames, written and read.
private enum FrameText {
    static func frame(_ letter: Unicode.Scalar, _ fields: [PostgresValue]) -> [UInt8] {
        let length = fields.reduce(1) { $0 + 1 + ($1.octets.map { 4 + $0.count } ?? 0) }
        var frame: [UInt8] = []
        frame.reserveCapacity(4 + length)
        frame += number(length)
        frame.append(UInt8(ascii: letter))
        for field in fields {
            switch field {
            case .null: frame.append(UInt8(ascii: "0"))
            case .text(let octets):
                frame.append(UInt8(ascii: "t"))
                frame += number(octets.count) + octets
            case .octets(let octets):
                frame.append(UInt8(ascii: "b"))
                frame += number(octets.count) + octets
            }
        }
        return frame
    }

    static func fields(
        of frame: ArraySlice<UInt8>
    ) throws(FrameFault) -> (letter: UInt8, fields: [PostgresValue]) {
        guard let letter = frame.first else { throw FrameFault() }
        var rest = frame.dropFirst()
        var fields: [PostgresValue] = []
        while let kind = rest.first {
            rest = rest.dropFirst()
            switch kind {
            case UInt8(ascii: "0"): fields.append(.null)
            case UInt8(ascii: "t"): fields.append(.text(try taken(from: &rest)))
            case UInt8(ascii: "b"): fields.append(.octets(try taken(from: &rest)))
            default: throw FrameFault()
            }
        }
        return (letter, fields)
    }

    private static func taken(from rest: inout ArraySlice<UInt8>) throws(FrameFault) -> [UInt8] {
        guard rest.count >= 4 else { throw FrameFault() }
        let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        rest = rest.dropFirst(4)
        guard rest.count >= length else { throw FrameFault() }
        defer { rest = rest.dropFirst(length) }
        return Array(rest.prefix(length))
    }

    private static func number(_ number: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }
}
