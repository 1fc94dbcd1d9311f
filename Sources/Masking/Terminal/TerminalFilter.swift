/// What of a terminal's output is kept: text, and sequences that a viewer's terminal may be shown.
///
/// Control strings (ECMA-48 section 8.3: OSC, DCS, APC, PM, SOS) set titles and clipboards, and requests make a terminal type
/// an answer: neither is seen, both would act on whoever watches a recording, and neither is kept.
struct TerminalFilter: Sendable {
    /// What an octet comes to.
    enum Outcome: Sendable {
        case nothing
        /// Seen: a character's octet, a line feed, a backspace.
        case text([UInt8])
        /// Kept, and not seen.
        case sequence([UInt8])
    }

    /// Octets of a sequence: xterm's longest have some dozen parameters.
    static let maximumSequence = 256
    /// Octets of a control string; what goes on is text again, so that nothing is hidden behind one that never ends.
    static let maximumString = 4_096

    private enum State: Sendable {
        case ground
        /// The first octet of what may be a control character of C1 in UTF-8 (U+0080 to U+009F).
        case lead
        case escape
        case parameters
        /// So many octets of a control string; and whether ESC was the last.
        case string(Int, escaped: Bool)
    }

    private var state = State.ground
    private var sequence: [UInt8] = []

    private static let escape: UInt8 = 0x1B
    private static let lead: UInt8 = 0xC2
    /// What ends a sequence or a string that has begun: CAN and SUB.
    private static let cancels: Set<UInt8> = [0x18, 0x1A]
    /// `P`, `X`, `]`, `^`, `_` behind ESC.
    private static let strings = Set("PX]^_".utf8)

    mutating func take(_ octet: UInt8) -> Outcome {
        switch state {
        case .ground: return ground(octet)
        case .lead:
            state = .ground
            guard (0x80...0x9F).contains(octet) else {
                if case .text(let rest) = ground(octet) { return .text([Self.lead] + rest) }
                return .text([Self.lead])
            }
            sequence = [Self.escape]
            return escaped(octet - 0x40)
        case .escape: return escaped(octet)
        case .parameters: return parameters(octet)
        case .string(let count, let isEscaped): return string(octet, count, isEscaped)
        }
    }

    private mutating func ground(_ octet: UInt8) -> Outcome {
        switch octet {
        case Self.escape:
            (state, sequence) = (.escape, [octet])
            return .nothing
        case Self.lead:
            state = .lead
            return .nothing
        // A request for the terminal's answerback.
        case 0x05: return .nothing
        case 0x08, 0x09, 0x0A, 0x0D, 0x20...0x7E, 0x80...0xFF: return .text([octet])
        default: return .sequence([octet])
        }
    }

    private mutating func escaped(_ octet: UInt8) -> Outcome {
        sequence.append(octet)
        switch octet {
        case UInt8(ascii: "["):
            state = .parameters
            return .nothing
        case 0x20...0x2F where sequence.count < Self.maximumSequence:
            state = .escape
            return .nothing
        case Self.escape:
            (state, sequence) = (.escape, [octet])
            return .nothing
        default: break
        }
        if sequence.count == 2, Self.strings.contains(octet) {
            state = .string(0, escaped: false)
            return .nothing
        }
        state = .ground
        // ESC Z asks what the terminal is; ESC \ ends a string that was none.
        let isShown =
            (0x30...0x7E).contains(octet) && octet != UInt8(ascii: "Z") && octet != UInt8(ascii: "\\")
        return isShown ? .sequence(sequence) : .nothing
    }

    private mutating func parameters(_ octet: UInt8) -> Outcome {
        switch octet {
        case 0x20...0x3F where sequence.count < Self.maximumSequence:
            sequence.append(octet)
            return .nothing
        case 0x40...0x7E:
            state = .ground
            sequence.append(octet)
            return Self.asks(sequence) ? .nothing : .sequence(sequence)
        case Self.escape:
            (state, sequence) = (.escape, [octet])
            return .nothing
        default:
            state = .ground
            // A control character within is carried out all the same (ECMA-48 leaves it open; terminals do).
            return Self.cancels.contains(octet) ? .nothing : ground(octet)
        }
    }

    /// DA, DSR, DECREQTPARM, reports of the window, DECRQM and XTVERSION: the terminal would type an answer.
    private static func asks(_ sequence: [UInt8]) -> Bool {
        let inner = sequence.dropFirst(2).dropLast()
        switch sequence.last {
        case UInt8(ascii: "c"), UInt8(ascii: "n"), UInt8(ascii: "t"), UInt8(ascii: "x"): return true
        case UInt8(ascii: "p"): return inner.contains(UInt8(ascii: "$"))
        case UInt8(ascii: "q"): return inner.first == UInt8(ascii: ">")
        default: return false
        }
    }

    private mutating func string(_ octet: UInt8, _ count: Int, _ isEscaped: Bool) -> Outcome {
        let isEnd =
            octet == 0x07 || Self.cancels.contains(octet) || (isEscaped && octet == UInt8(ascii: "\\"))
        if isEnd {
            state = .ground
            return .nothing
        }
        if isEscaped {
            // ESC ends it, and begins what it begins.
            (state, sequence) = (.escape, [Self.escape])
            return escaped(octet)
        }
        guard count < Self.maximumString, octet != 0x0A else {
            state = .ground
            return ground(octet)
        }
        state = .string(count + 1, escaped: octet == Self.escape)
        return .nothing
    }
}
