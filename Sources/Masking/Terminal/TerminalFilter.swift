/// What of a terminal's output is kept: text in UTF-8, and the sequences that only change what is seen (`KeptSequences`).
///
/// Control strings (ECMA-48 section 8.3: OSC, DCS, APC, PM, SOS) set titles and clipboards, and requests make a terminal type
/// an answer: neither is seen, both would act on whoever watches a recording, and neither is kept. What is no UTF-8 becomes
/// U+FFFD here, before anything is left out from between its octets: what is left out joins nothing to a control character.
///
/// As terminals read (vt100.net/emu/dec_ansi_parser), and where they differ, what is seen by any of them is text here.
struct TerminalFilter: Sendable {
    /// Octets of a sequence: xterm's longest have some dozen parameters.
    static let maximumSequence = 256
    /// Octets of a control string; what goes on is text again, so that nothing is hidden behind one that never ends.
    static let maximumString = 4_096

    private enum State: Sendable {
        case ground
        case escape
        case parameters
        /// So many octets of a control string.
        case string(Int)
    }

    private var state = State.ground
    private var sequence: [UInt8] = []
    private var character = CharacterReader()
    /// What the kept sequences have changed of a terminal.
    private(set) var modes = TerminalModes()

    private static let escape: UInt8 = 0x1B
    private static let stringEnd: UInt8 = 0x9C
    private static let replacement = Array("\u{FFFD}".utf8)
    /// `P`, `X`, `]`, `^`, `_` behind ESC.
    private static let strings = Set("PX]^_".utf8)

    /// Takes what a program wrote; what is kept of it goes to `output`.
    mutating func take(_ written: [UInt8], into output: inout KeptOutput) {
        var index = 0
        while index < written.count {
            if case .ground = state, !character.isOpen {
                let end = written[index...].firstIndex { !(0x20...0x7E).contains($0) } ?? written.count
                if end > index {
                    output.see(written[index..<end])
                    index = end
                    continue
                }
            }
            take(written[index], &output)
            index += 1
        }
    }

    /// A character that has not ended is none.
    mutating func end(_ output: inout KeptOutput) {
        if character.isOpen { broken(&output) }
    }

    private mutating func take(_ octet: UInt8, _ output: inout KeptOutput) {
        if character.isOpen {
            if character.goesOn(with: octet) {
                if !character.isOpen { whole(&output) }
                return
            }
            broken(&output)
        }
        if octet < 0x20 {
            control(octet, &output)
        } else if octet < 0x7F {
            printable(octet, &output)
        } else if octet > 0x7F, !character.begins(with: octet) {
            // The end of a string for terminals of eight bits.
            if case .string = state, octet == Self.stringEnd { state = .ground } else { broken(&output) }
        }
    }

    private mutating func control(_ octet: UInt8, _ output: inout KeptOutput) {
        switch octet {
        case Self.escape:
            (state, sequence) = (.escape, [octet])
            return
        // CAN and SUB end whatever has begun.
        case 0x18, 0x1A:
            state = .ground
            return
        default: break
        }
        if case .string = state {
            // One that has such a character within is none.
            state = .ground
            if octet == 0x07 { return }
        }
        // Within a sequence it is carried out, and the sequence goes on.
        switch octet {
        case 0x08, 0x09, 0x0A, 0x0D: output.see(octet)
        // BEL, VT, FF, SO and SI; of the others ENQ asks for an answer, and no terminal shows the rest.
        case 0x07, 0x0B, 0x0C, 0x0E, 0x0F: output.keep([octet])
        default: return
        }
    }

    private mutating func printable(_ octet: UInt8, _ output: inout KeptOutput) {
        switch state {
        case .ground: output.see(octet)
        case .escape: escaped(octet, &output)
        case .parameters: parameters(octet, &output)
        case .string(let count) where count < Self.maximumString: state = .string(count + 1)
        case .string:
            state = .ground
            output.see(octet)
        }
    }

    private mutating func escaped(_ octet: UInt8, _ output: inout KeptOutput) {
        guard sequence.count < Self.maximumSequence else {
            state = .ground
            return output.see(octet)
        }
        sequence.append(octet)
        if (0x20...0x2F).contains(octet) {
            state = .escape
        } else if sequence.count == 2, octet == UInt8(ascii: "[") {
            state = .parameters
        } else if sequence.count == 2, Self.strings.contains(octet) {
            state = .string(0)
        } else {
            keep(&output)
        }
    }

    private mutating func parameters(_ octet: UInt8, _ output: inout KeptOutput) {
        guard sequence.count < Self.maximumSequence else {
            state = .ground
            return output.see(octet)
        }
        sequence.append(octet)
        if octet >= 0x40 { keep(&output) }
    }

    private mutating func keep(_ output: inout KeptOutput) {
        state = .ground
        guard let kept = KeptSequences.kept(sequence) else { return }
        modes.note(kept)
        output.keep(kept)
    }

    /// A character beyond ASCII.
    private mutating func whole(_ output: inout KeptOutput) {
        if let control = character.control {
            // C1: the same as ESC and an octet of seven bits (ECMA-48 section 5.3); it ends whatever has begun.
            (state, sequence) = (.escape, [Self.escape])
            return escaped(control - 0x40, &output)
        }
        shown(character.octets, &output)
    }

    private mutating func broken(_ output: inout KeptOutput) {
        character = CharacterReader()
        shown(Self.replacement, &output)
    }

    private mutating func shown(_ octets: [UInt8], _ output: inout KeptOutput) {
        if case .string(let count) = state, count < Self.maximumString {
            state = .string(count + octets.count)
            return
        }
        state = .ground
        output.see(octets[...])
    }
}

/// A character of several octets in UTF-8 as it comes (RFC 3629 section 4).
struct CharacterReader: Sendable {
    /// Those that have come, of one that is being read or was read last.
    private(set) var octets: [UInt8] = []
    private var missing = 0
    /// What the next one may be.
    private var next: ClosedRange<UInt8> = 0x80...0xBF

    var isOpen: Bool { missing > 0 }

    /// The control character of C1 that it is (U+0080 to U+009F); nil where it is none.
    var control: UInt8? {
        guard octets.count == 2, octets[0] == 0xC2, octets[1] < 0xA0 else { return nil }
        return octets[1]
    }

    /// Begins one, where an octet can.
    mutating func begins(with octet: UInt8) -> Bool {
        next = 0x80...0xBF
        switch octet {
        case 0xC2...0xDF: missing = 1
        case 0xE0...0xEF: missing = 2
        case 0xF0...0xF4: missing = 3
        default: return false
        }
        switch octet {
        case 0xE0: next = 0xA0...0xBF
        case 0xED: next = 0x80...0x9F
        case 0xF0: next = 0x90...0xBF
        case 0xF4: next = 0x80...0x8F
        default: break
        }
        octets.removeAll(keepingCapacity: true)
        octets.append(octet)
        return true
    }

    /// Takes the next octet, where it is one of the same character.
    mutating func goesOn(with octet: UInt8) -> Bool {
        guard missing > 0, next.contains(octet) else { return false }
        next = 0x80...0xBF
        missing -= 1
        octets.append(octet)
        return true
    }
}
