/// Reads one JSON document (RFC 8259), as it comes, and notes what stands at some pointers.
///
/// Strict: UTF-8 without a byte order mark, no lone surrogates, nothing behind the document. It keeps no tree: memory is
/// that of the present nesting and of the strings that are compared, and nothing is read twice.
package struct JSONWalker: Sendable {
    /// Containers within each other; parsers in use stop between 100 and 1000 (PHP 512, Ruby 100, Python by its stack).
    package static let maximumDepth = 128
    /// Octets of a string that is kept to be compared, or of a name.
    package static let maximumString = 4_096

    private enum State {
        /// A value, or the end of an empty array.
        case value(mayClose: Bool)
        /// A name, or the end of an empty object.
        case name(mayClose: Bool)
        case colon
        /// A comma, or the end of the container; at the outermost level nothing but blanks.
        case afterValue
        case string(StringPart)
        case number(NumberPart)
        case literal(Literal, at: Int)
        case failed
    }

    private enum Literal: String {
        case yes = "true"
        case no = "false"
        case null

        func byte(at place: Int) -> UInt8? { rawValue.utf8.dropFirst(place).first }
    }

    private enum StringPart {
        case plain
        case escape
        /// Digits of `\u` so far, and the high surrogate in front of them.
        case unicode(digits: Int, value: UInt32, high: UInt32?)
        /// Behind a high surrogate: a backslash, then `u`.
        case low(high: UInt32, hasBackslash: Bool)
        /// Continuation octets that are still to come, and the range of the next.
        case utf8(left: Int, from: UInt8, to: UInt8)
    }

    fileprivate enum NumberPart {
        case minus, zero, integer, point, fraction, exponent, sign, power
    }

    private struct Frame {
        let isObject: Bool
        /// Pointers that lead through this container.
        let active: [Int]
        /// Those whose name has been here.
        var seen: [Int] = []
        /// The element that is being read.
        var index = 0
    }

    private let pointers: [JSONPointer]
    private var findings: [JSONFacts.Finding]
    private var frames: [Frame] = []
    private var state = State.value(mayClose: false)
    /// Pointers that lead to or through the value that comes next.
    private var coming: [Int]
    private var isName = false
    /// The string that is being read, where it is compared; nil where it is not.
    private var text: [UInt8]?
    private var isTooLong = false

    package init(_ pointers: some Collection<JSONPointer>) {
        self.pointers = Array(pointers)
        findings = self.pointers.map { _ in .absent }
        coming = Array(self.pointers.indices)
    }

    package mutating func read(_ bytes: RawSpan) {
        for offset in 0..<bytes.byteCount {
            read(unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
        }
    }

    /// What was found; unreadable unless exactly one document was read.
    package mutating func finish() -> JSONFacts {
        if case .number(let part) = state, part.mayEnd { state = .afterValue }
        guard case .afterValue = state, frames.isEmpty else { return .unreadable }
        return JSONFacts(findings: Dictionary(zip(pointers, findings)) { first, _ in first })
    }

    private mutating func read(_ byte: UInt8) {
        switch state {
        case .failed: return
        case .string(let part): readString(byte, part)
        case .number(let part): readNumber(byte, part)
        case .literal(let word, let place): readLiteral(byte, word, place)
        case .value, .name, .colon, .afterValue:
            // RFC 8259 section 2: blanks.
            guard byte != 0x20, byte != 0x0A, byte != 0x0D, byte != 0x09 else { return }
            readStructure(byte)
        }
    }
}

// Structure.
extension JSONWalker {
    private mutating func readStructure(_ byte: UInt8) {
        switch (state, byte) {
        case (.value(mayClose: true), UInt8(ascii: "]")), (.name(mayClose: true), UInt8(ascii: "}")): close()
        case (.value, _): beginValue(byte)
        case (.name, UInt8(ascii: "\"")): beginString(isName: true)
        case (.colon, UInt8(ascii: ":")): state = .value(mayClose: false)
        case (.afterValue, UInt8(ascii: ",")): next()
        case (.afterValue, UInt8(ascii: "]")) where frames.last?.isObject == false: close()
        case (.afterValue, UInt8(ascii: "}")) where frames.last?.isObject == true: close()
        default: state = .failed
        }
    }

    private mutating func beginValue(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "{"): open(isObject: true)
        case UInt8(ascii: "["): open(isObject: false)
        case UInt8(ascii: "\""): beginString(isName: false)
        case UInt8(ascii: "-"): beginNumber(.minus)
        case UInt8(ascii: "0"): beginNumber(.zero)
        case UInt8(ascii: "1")...UInt8(ascii: "9"): beginNumber(.integer)
        case UInt8(ascii: "t"): state = .literal(.yes, at: 1)
        case UInt8(ascii: "f"): state = .literal(.no, at: 1)
        case UInt8(ascii: "n"): state = .literal(.null, at: 1)
        default: state = .failed
        }
    }

    private mutating func open(isObject: Bool) {
        note(.other)
        guard frames.count < Self.maximumDepth else {
            state = .failed
            return
        }
        frames.append(
            Frame(isObject: isObject, active: coming.filter { pointers[$0].tokens.count > frames.count })
        )
        if isObject { state = .name(mayClose: true) } else { beginElement(mayClose: true) }
    }

    private mutating func close() {
        frames.removeLast()
        state = .afterValue
    }

    private mutating func next() {
        guard let frame = frames.last else {
            state = .failed
            return
        }
        guard !frame.isObject else {
            state = .name(mayClose: false)
            return
        }
        frames[frames.count - 1].index += 1
        beginElement(mayClose: false)
    }

    private mutating func beginElement(mayClose: Bool) {
        let level = frames.count - 1
        let frame = frames[level]
        if !frame.active.isEmpty {
            let number = Array(String(frame.index).utf8)
            coming = frame.active.filter { pointers[$0].tokens[level] == number }
        } else {
            coming = []
        }
        state = .value(mayClose: mayClose)
    }

    /// What stands at the pointers that end here.
    private mutating func note(_ finding: JSONFacts.Finding) {
        for pointer in coming where pointers[pointer].tokens.count == frames.count {
            if findings[pointer] != .ambiguous { findings[pointer] = finding }
        }
    }

    /// A name has been read: which pointers lead on.
    private mutating func endName(_ name: [UInt8]) {
        let level = frames.count - 1
        coming = []
        let folded = isTooLong ? [] : Self.folded(name)
        for pointer in frames[level].active where !isTooLong {
            let token = pointers[pointer].tokens[level]
            guard folded == Self.folded(token) else { continue }
            let isSeen = frames[level].seen.contains(pointer)
            if name == token, !isSeen {
                coming.append(pointer)
            } else {
                // Twice, or in another case, which some readers take for the same (Go's encoding/json).
                findings[pointer] = .ambiguous
            }
            frames[level].seen.append(pointer)
        }
        state = .colon
    }

    /// Letters without their case, as Unicode's simple folding has it for those that fold to ASCII.
    private static func folded(_ name: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(name.count)
        var index = 0
        while index < name.count {
            let rest = name[index...]
            if rest.starts(with: [0xC5, 0xBF]) {
                result.append(UInt8(ascii: "s"))
                index += 2
            } else if rest.starts(with: [0xE2, 0x84, 0xAA]) {
                result.append(UInt8(ascii: "k"))
                index += 3
            } else {
                let byte = name[index]
                result.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
                index += 1
            }
        }
        return result
    }
}

// Strings.
extension JSONWalker {
    private mutating func beginString(isName: Bool) {
        self.isName = isName
        isTooLong = false
        let level = frames.count
        let isCompared =
            isName
            ? frames.last.map { !$0.active.isEmpty } ?? false
            : coming.contains { pointers[$0].tokens.count == level }
        text = isCompared ? [] : nil
        state = .string(.plain)
    }

    private mutating func readString(_ byte: UInt8, _ part: StringPart) {
        switch part {
        case .plain: readPlain(byte)
        case .escape: readEscape(byte)
        case .unicode(let digits, let value, let high): readUnicode(byte, digits, value, high)
        case .low(let high, let hasBackslash):
            switch (byte, hasBackslash) {
            case (UInt8(ascii: "\\"), false): state = .string(.low(high: high, hasBackslash: true))
            case (UInt8(ascii: "u"), true): state = .string(.unicode(digits: 0, value: 0, high: high))
            default: state = .failed
            }
        case .utf8(let left, let from, let to):
            guard (from...to).contains(byte) else {
                state = .failed
                return
            }
            keep(byte)
            state = .string(left == 1 ? .plain : .utf8(left: left - 1, from: 0x80, to: 0xBF))
        }
    }

    private mutating func readPlain(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): endString()
        case UInt8(ascii: "\\"): state = .string(.escape)
        case 0x00..<0x20: state = .failed
        case 0x20..<0x80: keep(byte)
        // RFC 3629 section 4: no overlong form, no surrogate, nothing over U+10FFFF.
        case 0xC2...0xDF: begin(byte, left: 1)
        case 0xE0: begin(byte, left: 2, from: 0xA0)
        case 0xE1...0xEC, 0xEE, 0xEF: begin(byte, left: 2)
        case 0xED: begin(byte, left: 2, to: 0x9F)
        case 0xF0: begin(byte, left: 3, from: 0x90)
        case 0xF1...0xF3: begin(byte, left: 3)
        case 0xF4: begin(byte, left: 3, to: 0x8F)
        default: state = .failed
        }
    }

    private mutating func begin(_ byte: UInt8, left: Int, from: UInt8 = 0x80, to: UInt8 = 0xBF) {
        keep(byte)
        state = .string(.utf8(left: left, from: from, to: to))
    }

    private mutating func readEscape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): keep(byte)
        case UInt8(ascii: "b"): keep(0x08)
        case UInt8(ascii: "f"): keep(0x0C)
        case UInt8(ascii: "n"): keep(0x0A)
        case UInt8(ascii: "r"): keep(0x0D)
        case UInt8(ascii: "t"): keep(0x09)
        case UInt8(ascii: "u"):
            state = .string(.unicode(digits: 0, value: 0, high: nil))
            return
        default:
            state = .failed
            return
        }
        state = .string(.plain)
    }

    private mutating func readUnicode(_ byte: UInt8, _ digits: Int, _ value: UInt32, _ high: UInt32?) {
        guard let digit = URLPath.hexValue(byte) else {
            state = .failed
            return
        }
        let value = value << 4 | UInt32(digit)
        guard digits == 3 else {
            state = .string(.unicode(digits: digits + 1, value: value, high: high))
            return
        }
        switch (value, high) {
        case (0xD800..<0xDC00, nil): state = .string(.low(high: value, hasBackslash: false))
        case (0xDC00..<0xE000, let high?):
            keep(scalar: 0x10000 + (high - 0xD800) << 10 + (value - 0xDC00))
        case (0xD800..<0xE000, _), (_, .some): state = .failed
        default: keep(scalar: value)
        }
    }

    private mutating func keep(scalar value: UInt32) {
        guard let scalar = Unicode.Scalar(value) else {
            state = .failed
            return
        }
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { keep(byte) }
        state = .string(.plain)
    }

    private mutating func keep(_ byte: UInt8) {
        guard let count = text?.count else { return }
        if count < Self.maximumString { text?.append(byte) } else { isTooLong = true }
    }

    private mutating func endString() {
        let read = text ?? []
        text = nil
        guard !isName else { return endName(read) }
        note(isTooLong ? .other : .string(read))
        state = .afterValue
    }
}

// Numbers and literals.
extension JSONWalker {
    private mutating func beginNumber(_ part: NumberPart) {
        note(.other)
        state = .number(part)
    }

    private mutating func readNumber(_ byte: UInt8, _ part: NumberPart) {
        if let next = part.next(byte) {
            state = .number(next)
        } else if part.mayEnd {
            state = .afterValue
            read(byte)
        } else {
            state = .failed
        }
    }

    private mutating func readLiteral(_ byte: UInt8, _ word: Literal, _ place: Int) {
        guard byte == word.byte(at: place) else {
            state = .failed
            return
        }
        guard word.byte(at: place + 1) == nil else {
            state = .literal(word, at: place + 1)
            return
        }
        note(.literal(word.rawValue))
        state = .afterValue
    }
}

extension JSONWalker.NumberPart {
    fileprivate var mayEnd: Bool {
        switch self {
        case .zero, .integer, .fraction, .power: true
        case .minus, .point, .exponent, .sign: false
        }
    }

    /// RFC 8259 section 6.
    fileprivate func next(_ byte: UInt8) -> Self? {
        let isDigit = (0x30...0x39).contains(byte)
        switch (self, byte) {
        case (.minus, UInt8(ascii: "0")): return .zero
        case (.minus, _): return isDigit ? .integer : nil
        case (.integer, _) where isDigit: return .integer
        case (.zero, UInt8(ascii: ".")), (.integer, UInt8(ascii: ".")): return .point
        case (.point, _): return isDigit ? .fraction : nil
        case (.fraction, _) where isDigit: return .fraction
        case (.zero, 0x45), (.zero, 0x65), (.integer, 0x45), (.integer, 0x65), (.fraction, 0x45),
            (.fraction, 0x65):
            return .exponent
        case (.exponent, UInt8(ascii: "+")), (.exponent, UInt8(ascii: "-")): return .sign
        case (.exponent, _), (.sign, _), (.power, _): return isDigit ? .power : nil
        default: return nil
        }
    }
}
