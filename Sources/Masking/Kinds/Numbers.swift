internal import Model

/// Looks at groups of digits, each once, and at what stands around them.
struct Numbers {
    private let kinds: MaskKinds
    /// The first place that has not been looked at.
    private var next: Int

    init(_ kinds: MaskKinds, from start: Int) {
        self.kinds = kinds
        next = start
    }

    /// Looks at each group that begins in these octets, or belongs to a number that does.
    mutating func look(_ octets: Range<Int>, _ text: RawSpan, _ sweep: inout Sweep) {
        var index = begin(octets, text)
        while index < octets.upperBound {
            guard text.octet(index).isDigit, !sweep.octet(text, index - 1).isDigit else {
                index += 1
                continue
            }
            let length = sweep.run(text, index, \.isDigit)
            guard isWorthLooking(index, length, text, sweep) else {
                index += length
                continue
            }
            let sighting = sighting(index, length, text, sweep)
            sweep.note(sighting)
            if case .found(let range, _, _) = sighting {
                index = range.upperBound
            } else {
                index += length
            }
        }
        next = max(next, index)
    }

    /// Where the groups in front of these octets begin that one or two separators each join to them.
    private func begin(_ octets: Range<Int>, _ text: RawSpan) -> Int {
        var index = max(octets.lowerBound, next)
        let floor = max(next, index - MaskLimits.number)
        while index > floor {
            var before = index - 1
            while before > floor, index - before < 3, Self.isSeparator(text.octet(before)) { before -= 1 }
            guard text.octet(before).isDigit else { break }
            index = before
        }
        return index
    }

    /// Whether a group could be one or begin one, by what is beside it: of most nothing else is asked.
    @inline(__always)
    private func isWorthLooking(_ start: Int, _ length: Int, _ text: RawSpan, _ sweep: Sweep) -> Bool {
        guard length <= MaskLimits.digits else { return false }
        let before = sweep.octet(text, start - 1)
        if before.isLetterOrDigit {
            // Of those behind a letter there is only the NIE.
            return length <= 7 && (0x58...0x5A).contains(before)
        }
        let end = start + length
        if end >= text.byteCount || before == UInt8(ascii: "+") || before == UInt8(ascii: "(") { return true }
        guard length != 7, length != 8 else { return true }
        guard NumberShape.couldBegin(length, text.octet(end)) else { return false }
        guard length < 5 else { return true }
        // Of dates the second group is too short.
        let last = end + NumberShape.shortestSecond(length)
        return last >= text.byteCount || (text.octet(last).isDigit && text.octet(last - 1).isDigit)
    }

    private func sighting(
        _ start: Int,
        _ length: Int,
        _ text: RawSpan,
        _ sweep: Sweep
    ) -> Sweep.Sighting {
        if sweep.goesOn(text, start + length) { return .undecided(from: max(start - 3, 0)) }
        let before = sweep.octet(text, start - 1)
        if before == UInt8(ascii: "+") || before == UInt8(ascii: "("), kinds.contains(.phone) {
            let sighting = PhoneNumber.sighting(start, length, text, sweep)
            guard case .nothing = sighting else { return sighting }
        }
        if length == 7 || length == 8, kinds.contains(.esDNI) {
            let sighting = NationalNumbers.dni(start, length, text, sweep)
            guard case .nothing = sighting else { return sighting }
        }
        guard NumberShape.couldBegin(length, sweep.octet(text, start + length)),
            Self.beginsWord(start, text, sweep)
        else { return .nothing }
        if length == 1 || length == 6 || length == 15, kinds.contains(.frNIR) {
            let sighting = NationalNumbers.nir(start, length, text, sweep)
            guard case .nothing = sighting else { return sighting }
        }
        for shape in NumberShape.byFirstGroup[length] where kinds.contains(shape.kind) {
            let sighting = shape.sighting(start, text, sweep)
            if case .nothing = sighting { continue }
            return sighting
        }
        return .nothing
    }
}

extension Numbers {
    static func isSeparator(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x20, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: "("),
            UInt8(ascii: ")"):
            true
        default: false
        }
    }

    /// No part of a word, of a decimal fraction or of a longer chain with dashes.
    static func beginsWord(_ start: Int, _ text: RawSpan, _ sweep: Sweep) -> Bool {
        let before = sweep.octet(text, start - 1)
        guard !before.isLetterOrDigit, before != UInt8(ascii: "_") else { return false }
        let isJoined = before == UInt8(ascii: ".") || before == UInt8(ascii: "-")
        return !(isJoined && sweep.octet(text, start - 2).isDigit)
    }

    /// The same for its end: found, nothing or, at the end of the stretch, undecided.
    static func end(_ range: Range<Int>, _ kind: MaskKind, _ text: RawSpan, _ sweep: Sweep) -> Sweep.Sighting
    {
        let end = range.upperBound
        let behind = sweep.octet(text, end)
        let isJoint = behind == UInt8(ascii: ".") || behind == UInt8(ascii: "-")
        if sweep.goesOn(text, isJoint ? end + 1 : end) { return .undecided(from: range.lowerBound) }
        guard !behind.isLetterOrDigit, behind != UInt8(ascii: "_") else { return .nothing }
        return isJoint && sweep.octet(text, end + 1).isDigit
            ? .nothing : .found(range, kind, from: range.lowerBound)
    }
}

extension NumberShape {
    /// Whether the number that begins here has this shape.
    fileprivate func sighting(_ start: Int, _ text: RawSpan, _ sweep: Sweep) -> Sweep.Sighting {
        var digits = Digits()
        var index = start
        var separator: UInt8?
        for number in 0..<count {
            let length = Int(groups[number])
            if number > 0 {
                let octet = sweep.octet(text, index)
                if sweep.goesOn(text, index) { return .undecided(from: start) }
                guard separates(octet), octet == separator ?? octet else { return .nothing }
                separator = octet
                index += 1
            }
            let end = index + sweep.run(text, index, upTo: length + 1, \.isDigit)
            if sweep.goesOn(text, end), end - index <= length { return .undecided(from: start) }
            guard end - index == length else { return .nothing }
            for place in index..<end where !digits.append(text.octet(place)) { return .nothing }
            index = end
        }
        guard isValid(digits) else { return .nothing }
        return Numbers.end(start..<index, kind, text, sweep)
    }
}

/// Telephone numbers with a plus sign or a parenthesis; the others are shapes.
enum PhoneNumber {
    /// Digits of E.164, section 6.
    private static let digits = 8...15

    static func sighting(_ start: Int, _ length: Int, _ text: RawSpan, _ sweep: Sweep) -> Sweep.Sighting {
        switch sweep.octet(text, start - 1) {
        case UInt8(ascii: "+"): international(start, text, sweep)
        case UInt8(ascii: "(") where length == 3: american(start, text, sweep)
        default: .nothing
        }
    }

    private static func international(_ start: Int, _ text: RawSpan, _ sweep: Sweep) -> Sweep.Sighting {
        let before = sweep.octet(text, start - 2)
        guard start > 0, text.octet(start) != UInt8(ascii: "0"), !before.isLetterOrDigit else {
            return .nothing
        }
        var index = start
        var end = start
        var count = 0
        while true {
            let length = sweep.run(text, index, upTo: digits.upperBound + 1, \.isDigit)
            if sweep.goesOn(text, index + length) { return .undecided(from: start - 1) }
            guard length > 0, count + length <= digits.upperBound else { break }
            count += length
            end = index + length
            let gap = sweep.run(text, end, upTo: 2, Numbers.isSeparator)
            if sweep.goesOn(text, end + gap) { return .undecided(from: start - 1) }
            index = end + gap
            guard gap > 0 else { break }
        }
        guard digits.contains(count) else { return .nothing }
        return Numbers.end(start - 1..<end, .phone, text, sweep)
    }

    /// Three digits in parentheses, then three and four.
    private static func american(_ start: Int, _ text: RawSpan, _ sweep: Sweep) -> Sweep.Sighting {
        guard start > 0, sweep.octet(text, start + 3) == UInt8(ascii: ")") else { return .nothing }
        let second = start + 4 + sweep.run(text, start + 4, upTo: 1) { $0 == 0x20 }
        for index in [second + 3, second + 8] where sweep.goesOn(text, index) {
            return .undecided(from: start - 1)
        }
        var digits = Digits()
        for index in [start..<start + 3, second..<second + 3, second + 4..<second + 8].joined() {
            guard sweep.octet(text, index).isDigit, digits.append(text.octet(index)) else { return .nothing }
        }
        guard " -.".utf8.contains(sweep.octet(text, second + 3)), NumberShape.isNANP(digits, from: 0) else {
            return .nothing
        }
        return Numbers.end(start - 1..<second + 8, .phone, text, sweep)
    }
}

/// Numbers of persons in which a letter stands.
enum NationalNumbers {
    /// `185057800608491`, or with spaces: sex, year, month, department, commune, order, key.
    static func nir(_ start: Int, _ length: Int, _ text: RawSpan, _ sweep: Sweep) -> Sweep.Sighting {
        guard "123478".utf8.contains(text.octet(start)) else { return .nothing }
        let isSpaced = length == 1
        var number = 0
        var month = 0
        var index = start
        for place in 0..<15 {
            if isSpaced, [1, 3, 5, 7, 10, 13].contains(place) {
                if sweep.goesOn(text, index) { return .undecided(from: start) }
                guard sweep.octet(text, index) == 0x20 else { return .nothing }
                index += 1
            }
            if sweep.goesOn(text, index) { return .undecided(from: start) }
            let octet = sweep.octet(text, index)
            if place == 6, number % 10 == 2, octet == 0x41 || octet == 0x42 {
                // Corsica: 2A counts as 19, 2B as 18.
                number = number / 10 * 100 + (octet == 0x41 ? 19 : 18)
            } else {
                guard octet.isDigit else { return .nothing }
                number = number * 10 + Int(octet & 15)
            }
            if place == 4 { month = number % 100 }
            index += 1
        }
        let isMonth = (1...12).contains(month) || month == 20 || (30...42).contains(month) || month >= 50
        guard isMonth, 97 - number / 100 % 97 == number % 100 else { return .nothing }
        return Numbers.end(start..<index, .frNIR, text, sweep)
    }

    private static let letters = Array("TRWAGMYFPDXBNJZSQVHLCKE".utf8)

    /// Eight digits, or one of X, Y, Z and seven, and the check letter; dashes between them or not.
    static func dni(_ start: Int, _ length: Int, _ text: RawSpan, _ sweep: Sweep) -> Sweep.Sighting {
        var first = start
        var number = 0
        if length == 7 {
            first -= sweep.octet(text, start - 1) == UInt8(ascii: "-") ? 2 : 1
            let letter = sweep.octet(text, first)
            guard first >= 0, (0x58...0x5A).contains(letter) else { return .nothing }
            number = Int(letter) - 0x58
        }
        guard Numbers.beginsWord(first, text, sweep) else { return .nothing }
        for index in start..<start + length { number = number * 10 + Int(text.octet(index) & 15) }
        let end = start + length
        let dash = sweep.octet(text, end) == UInt8(ascii: "-") ? 1 : 0
        if sweep.goesOn(text, end + dash) { return .undecided(from: first) }
        guard sweep.octet(text, end + dash) == letters[number % 23] else { return .nothing }
        return Numbers.end(first..<end + dash + 1, .esDNI, text, sweep)
    }
}
