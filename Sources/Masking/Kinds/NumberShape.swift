internal import Model

/// A number as it is written: groups of digits, one separator between them all, and what makes it valid.
struct NumberShape: Sendable {
    let kind: MaskKind
    /// Digits of each group.
    let groups: [Int]
    let separators: Set<UInt8>
    let isValid: @Sendable (Digits) -> Bool

    private init(
        _ kind: MaskKind,
        _ groups: [Int],
        _ separators: String = "",
        _ isValid: @escaping @Sendable (Digits) -> Bool
    ) {
        self.kind = kind
        self.groups = groups
        self.separators = Set(separators.utf8)
        self.isValid = isValid
    }

    static let all: [NumberShape] =
        (13...19).map { NumberShape(.paymentCard, [$0], "", isPaymentCard) }
        + [[4, 4, 4, 4, 3], [4, 4, 4, 4], [4, 6, 5], [4, 6, 4]].map {
            NumberShape(.paymentCard, $0, " -", isPaymentCard)
        }
        + [
            NumberShape(.usSSN, [3, 2, 4], " -", isUSSSN),
            NumberShape(.deTaxID, [11], "", isDETaxID),
            NumberShape(.deTaxID, [2, 3, 3, 3], " ", isDETaxID),
            NumberShape(.plPESEL, [11], "", isPLPESEL),
            NumberShape(.phone, [3, 3, 4], " -.", isNANP),
            NumberShape(.phone, [1, 3, 3, 4], " -.") { $0[0] == 1 && $0[1] >= 2 && $0[4] >= 2 },
        ]

    /// The shapes whose first group has so many digits.
    static let byFirstGroup: [[NumberShape]] = (0...MaskLimits.digits).map { count in
        all.filter { $0.groups.first == count }
    }

    /// Issuer ranges as the networks publish them, with their lengths; and the check digit.
    @Sendable private static func isPaymentCard(_ digits: Digits) -> Bool {
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
    @Sendable private static func isUSSSN(_ digits: Digits) -> Bool {
        let area = digits.number(0, 3)
        return area != 0 && area != 666 && area < 900 && digits.number(3, 2) != 0 && digits.number(5, 4) != 0
    }

    /// Of the first ten digits one stands there twice or three times, not three times in a row, and no other repeats.
    @Sendable private static func isDETaxID(_ digits: Digits) -> Bool {
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

    /// The month says the century: 80 more is the 19th, none the 20th, 20 more the 21st, and so on.
    @Sendable private static func isPLPESEL(_ digits: Digits) -> Bool {
        let month = digits.number(2, 2) % 20
        guard (1...12).contains(month), (1...31).contains(digits.number(4, 2)) else { return false }
        var sum = 0
        for place in 0..<10 { sum += digits[place] * [1, 3, 7, 9][place % 4] }
        return (10 - sum % 10) % 10 == digits[10]
    }

    /// Area and exchange codes begin with 2 to 9 (ATIS-0300055).
    @Sendable static func isNANP(_ digits: Digits) -> Bool { digits[0] >= 2 && digits[3] >= 2 }
}
