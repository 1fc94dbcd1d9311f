internal import Model

/// Looks for the kinds that are made of digits, eight octets at a time.
///
/// Each of them has four digits in some eight octets, wherever these begin, or a digit behind two capitals, perhaps with a space between:
/// of most texts nothing else is looked at.
enum NumberTrigger {
    static func concern(_ kinds: MaskKinds) -> Bool { kinds.holdsAny(own) }

    private static let own = MaskKinds.all.subtracting([.email, .privateKey, .token])

    static func run(_ text: RawSpan, from start: Int, _ sweep: inout Sweep) {
        var numbers = Numbers(sweep.kinds, from: start)
        var index = start
        var before: UInt64 = 0
        while index + 8 <= text.byteCount {
            let word = text.word(index)
            let digits = OctetLanes.within(word, 0x30, 0x39)
            if digits != 0 {
                if OctetLanes.count(digits) >= 4 { numbers.look(index..<index + 8, text, &sweep) }
                let coded = coded(digits, word, behind: before)
                if coded != 0 { look(index, coded, text, &sweep) }
            }
            before = word
            index += 8
        }
        guard index < text.byteCount else { return }
        for place in index..<text.byteCount where isCoded(text, place) {
            CodedNumber.look(place, text, &sweep)
        }
        numbers.look(index..<text.byteCount, text, &sweep)
    }

    /// Which digits stand behind two capitals, or behind a space behind them.
    @inline(__always)
    private static func coded(_ digits: UInt64, _ word: UInt64, behind before: UInt64) -> UInt64 {
        let capitals = OctetLanes.within(word, 0x41, 0x5A)
        let earlier = OctetLanes.within(before, 0x41, 0x5A)
        guard capitals | earlier != 0 else { return 0 }
        let pairs = capitals & (capitals << 8 | earlier >> 56)
        let earlierPairs = earlier & earlier << 8
        let spaces = OctetLanes.within(word, 0x20, 0x20) & (pairs << 8 | earlierPairs >> 56)
        let earlierSpaces = OctetLanes.within(before, 0x20, 0x20) & earlierPairs << 8
        return digits & ((pairs | spaces) << 8 | (earlierPairs | earlierSpaces) >> 56)
    }

    private static func look(_ index: Int, _ coded: UInt64, _ text: RawSpan, _ sweep: inout Sweep) {
        var bits = coded
        while bits != 0 {
            CodedNumber.look(index + bits.trailingZeroBitCount / 8, text, &sweep)
            bits &= bits &- 1
        }
    }

    private static func isCoded(_ text: RawSpan, _ place: Int) -> Bool {
        guard place >= 2, text.octet(place).isDigit else { return false }
        let last = place >= 3 && text.octet(place - 1) == 0x20 ? place - 2 : place - 1
        return text.octet(last).isUpper && text.octet(last - 1).isUpper
    }
}

/// Numbers that begin with letters: IBAN, National Insurance number, codice fiscale.
enum CodedNumber {
    /// `place` is that of a digit behind two capitals, or behind a space behind them.
    static func look(_ place: Int, _ text: RawSpan, _ sweep: inout Sweep) {
        guard text.octet(place - 1) != 0x20 else {
            if sweep.kinds.contains(.ukNINO) { sweep.note(nino(place - 3, place, text, sweep)) }
            return
        }
        if sweep.kinds.contains(.iban) { sweep.note(iban(place - 2, text, sweep)) }
        if sweep.kinds.contains(.ukNINO) { sweep.note(nino(place - 2, place, text, sweep)) }
        if sweep.kinds.contains(.itCodiceFiscale) { sweep.note(codiceFiscale(place - 6, text, sweep)) }
    }

    private static func beginsWord(_ start: Int, _ text: RawSpan, _ sweep: Sweep) -> Bool {
        let before = sweep.octet(text, start - 1)
        return start >= 0 && !before.isLetterOrDigit && before != UInt8(ascii: "_")
    }

    private static func endsWord(_ end: Int, _ text: RawSpan, _ sweep: Sweep) -> Bool {
        let behind = sweep.octet(text, end)
        return !behind.isLetterOrDigit && behind != UInt8(ascii: "_")
    }

    private static func iban(_ start: Int, _ text: RawSpan, _ sweep: Sweep) -> Sweep.Sighting {
        guard beginsWord(start, text, sweep) else { return .nothing }
        let country = UInt16(text.octet(start)) << 8 | UInt16(text.octet(start + 1))
        guard let length = IBANLengths.byCountry[country] else { return .nothing }
        // The country and its check digits come last.
        var remainder = 0
        var index = start
        var count = 0
        let isGrouped = sweep.octet(text, start + 4) == 0x20
        while count < length {
            if isGrouped, count > 0, count % 4 == 0 {
                guard sweep.octet(text, index) == 0x20 else {
                    return sweep.goesOn(text, index) ? .undecided(from: start) : .nothing
                }
                index += 1
            }
            guard index < text.byteCount else { return sweep.isLast ? .nothing : .undecided(from: start) }
            let octet = text.octet(index)
            guard octet.isUpperOrDigit, count < 2 || count > 3 || octet.isDigit else { return .nothing }
            if count >= 4 { remainder = CheckDigits.mod97(remainder, octet) }
            (index, count) = (index + 1, count + 1)
        }
        for place in start..<start + 4 { remainder = CheckDigits.mod97(remainder, text.octet(place)) }
        guard remainder == 1 else { return .nothing }
        if sweep.goesOn(text, index) { return .undecided(from: start) }
        return endsWord(index, text, sweep) ? .found(start..<index, .iban, from: start) : .nothing
    }

    private static let firstLetters = Set("ABCEGHJKLMNOPRSTWXYZ".utf8)
    private static let neverIssued = Set(["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"].map { Array($0.utf8) })

    /// `AB123456C`, or with a space between each two; `digits` is where they begin.
    private static func nino(_ start: Int, _ digits: Int, _ text: RawSpan, _ sweep: Sweep) -> Sweep.Sighting {
        guard beginsWord(start, text, sweep) else { return .nothing }
        let prefix = [text.octet(start), text.octet(start + 1)]
        guard prefix.allSatisfy(firstLetters.contains), prefix[1] != UInt8(ascii: "O"),
            !neverIssued.contains(prefix)
        else { return .nothing }
        let space = digits - start - 2
        var index = digits
        for number in 0..<7 {
            if space > 0, number > 0, number % 2 == 0 {
                guard sweep.octet(text, index) == 0x20 else {
                    return sweep.goesOn(text, index) ? .undecided(from: start) : .nothing
                }
                index += 1
            }
            let octet = sweep.octet(text, index)
            if sweep.goesOn(text, index) { return .undecided(from: start) }
            guard number < 6 ? octet.isDigit : (0x41...0x44).contains(octet) else { return .nothing }
            index += 1
        }
        if sweep.goesOn(text, index) { return .undecided(from: start) }
        return endsWord(index, text, sweep) ? .found(start..<index, .ukNINO, from: start) : .nothing
    }

    /// Six letters, year, month, day, place and check letter; where numbers were given twice, letters stand for digits.
    private static func codiceFiscale(_ start: Int, _ text: RawSpan, _ sweep: Sweep) -> Sweep.Sighting {
        guard beginsWord(start, text, sweep) else { return .nothing }
        let pattern = "LLLLLLDDMDDLDDDL".utf8
        var sum = 0
        for (number, expected) in pattern.enumerated() {
            if sweep.goesOn(text, start + number) { return .undecided(from: start) }
            let octet = sweep.octet(text, start + number)
            let isRight =
                switch expected {
                case UInt8(ascii: "L"): octet.isUpper
                case UInt8(ascii: "M"): "ABCDEHLMPRST".utf8.contains(octet)
                default: octet.isDigit || "LMNPQRSTUV".utf8.contains(octet)
                }
            guard isRight else { return .nothing }
            let value = octet.isDigit ? Int(octet & 15) : Int(octet) - 65
            if number < 15 { sum += number % 2 == 0 ? oddValues[value] : value }
        }
        guard text.octet(start + 15) == UInt8(65 + sum % 26) else { return .nothing }
        let end = start + 16
        if sweep.goesOn(text, end) { return .undecided(from: start) }
        return endsWord(end, text, sweep) ? .found(start..<end, .itCodiceFiscale, from: start) : .nothing
    }

    /// What an octet at an odd place (counted from one) is worth (decree of 23/12/1976, table of odd characters).
    private static let oddValues = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
    ]
}
