internal import Model

/// A number as it is written: groups of digits, one separator between them all, and what makes it valid.
///
/// Plain octets: one is looked at for most numbers of a text.
struct NumberShape: Sendable {
    let kind: MaskKind
    /// Digits of each group, and how many groups there are.
    let groups: InlineArray<5, UInt8>
    let count: Int
    private let separators: Separators
    private let rule: Rule

    private struct Separators: OptionSet, Sendable {
        let rawValue: UInt8
        static let space = Separators(rawValue: 1)
        static let dash = Separators(rawValue: 2)
        static let dot = Separators(rawValue: 4)
    }

    private enum Rule: Sendable {
        case paymentCard
        case usSSN
        case deTaxID
        case plPESEL
        case american
        case longAmerican
    }

    private init(_ kind: MaskKind, _ groups: [UInt8], _ separators: Separators, _ rule: Rule) {
        self.kind = kind
        self.groups = InlineArray { $0 < groups.count ? groups[$0] : 0 }
        count = groups.count
        self.separators = separators
        self.rule = rule
    }

    private static let all: [NumberShape] =
        (13...19).map { NumberShape(.paymentCard, [$0], [], .paymentCard) }
        + [[4, 4, 4, 4, 3], [4, 4, 4, 4], [4, 6, 5], [4, 6, 4]].map {
            NumberShape(.paymentCard, $0, [.space, .dash], .paymentCard)
        }
        + [
            NumberShape(.usSSN, [3, 2, 4], [.space, .dash], .usSSN),
            NumberShape(.deTaxID, [11], [], .deTaxID),
            NumberShape(.deTaxID, [2, 3, 3, 3], .space, .deTaxID),
            NumberShape(.plPESEL, [11], [], .plPESEL),
            NumberShape(.phone, [3, 3, 4], [.space, .dash, .dot], .american),
            NumberShape(.phone, [1, 3, 3, 4], [.space, .dash, .dot], .longAmerican),
        ]

    /// Whether an octet may stand between its groups.
    func separates(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x20: separators.contains(.space)
        case UInt8(ascii: "-"): separators.contains(.dash)
        case UInt8(ascii: "."): separators.contains(.dot)
        default: false
        }
    }

    func isValid(_ digits: Digits) -> Bool {
        switch rule {
        case .paymentCard: Self.isPaymentCard(digits)
        case .usSSN: Self.isUSSSN(digits)
        case .deTaxID: Self.isDETaxID(digits)
        case .plPESEL: Self.isPLPESEL(digits)
        case .american: Self.isNANP(digits, from: 0)
        case .longAmerican: digits[0] == 1 && Self.isNANP(digits, from: 1)
        }
    }

    /// The shapes whose first group has so many digits.
    static let byFirstGroup: [[NumberShape]] = (0...MaskLimits.digits).map { count in
        all.filter { Int($0.groups[0]) == count }
    }

    /// Digits of the shortest group behind a first one of so many.
    static func shortestSecond(_ first: Int) -> Int {
        switch first {
        case 2: 3
        case 4: 4
        default: 2
        }
    }

    /// Whether a number can begin with so many digits and what follows them.
    static func couldBegin(_ count: Int, _ next: UInt8) -> Bool {
        switch count {
        case 1...4: next == 0x20 || next == UInt8(ascii: "-") || next == UInt8(ascii: ".")
        case 6: next == UInt8(ascii: "A") || next == UInt8(ascii: "B")
        case 11, 13...MaskLimits.digits: true
        default: false
        }
    }

    /// Issuer ranges as the networks publish them, with their lengths; and the check digit.
    private static func isPaymentCard(_ digits: Digits) -> Bool {
        let count = digits.count
        let four = digits.number(0, 4)
        let isIssued =
            switch four {
            case 4000...4999: [13, 16, 19].contains(count)  // Visa
            case 5100...5599, 2221...2720: count == 16  // Mastercard
            case 3400...3499, 3700...3799: count == 15  // American Express
            case 3000...3059, 3095, 3600...3699, 3800...3999: (14...19).contains(count)  // Diners Club
            case 6011, 6440...6499, 6500...6599: (16...19).contains(count)  // Discover
            case 3528...3589: (16...19).contains(count)  // JCB
            case 6200...6299, 8100...8171: (16...19).contains(count)  // UnionPay
            case 5000...5099, 5600...5899, 6300...6399, 6700...6799: (13...19).contains(count)  // Maestro
            case 2200...2204: (16...19).contains(count)  // Mir
            default: false
            }
        return isIssued && CheckDigits.luhn(digits)
    }

    /// Never issued: area 000, 666 and 900 to 999, group 00, serial 0000.
    private static func isUSSSN(_ digits: Digits) -> Bool {
        let area = digits.number(0, 3)
        return area != 0 && area != 666 && area < 900 && digits.number(3, 2) != 0 && digits.number(5, 4) != 0
    }

    /// Of the first ten digits one stands there twice or three times, not three times in a row, and no other repeats.
    private static func isDETaxID(_ digits: Digits) -> Bool {
        guard digits[0] != 0 else { return false }
        var counts = InlineArray<10, Int>(repeating: 0)
        for place in 0..<10 { counts[digits[place]] += 1 }
        var repeated = 0
        for digit in 0..<10 where counts[digit] > 1 {
            guard counts[digit] <= 3 else { return false }
            repeated += 1
        }
        let isInRow = (2..<10).contains { place in
            digits[place] == digits[place - 1] && digits[place] == digits[place - 2]
        }
        return repeated == 1 && !isInRow && CheckDigits.mod11And10(digits)
    }

    private static let pesel = [1, 3, 7, 9]

    /// The month says the century: 80 more is the 19th, none the 20th, 20 more the 21st, and so on.
    private static func isPLPESEL(_ digits: Digits) -> Bool {
        let month = digits.number(2, 2) % 20
        guard (1...12).contains(month), (1...31).contains(digits.number(4, 2)) else { return false }
        var sum = 0
        for place in 0..<10 { sum += digits[place] * pesel[place % 4] }
        return (10 - sum % 10) % 10 == digits[10]
    }

    /// Area and exchange codes begin with 2 to 9 (ATIS-0300055).
    static func isNANP(_ digits: Digits, from start: Int) -> Bool {
        digits[start] >= 2 && digits[start + 3] >= 2
    }
}
