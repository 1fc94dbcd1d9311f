/// Check digits of numbers, over the values of their digits.
enum CheckDigits {
    /// ISO/IEC 7812-1 annex B.
    static func luhn(_ digits: Digits) -> Bool {
        var sum = 0
        for place in 0..<digits.count {
            let digit = digits[digits.count - 1 - place]
            let doubled = digit * 2
            sum += place % 2 == 0 ? digit : (doubled > 9 ? doubled - 9 : doubled)
        }
        return sum % 10 == 0
    }

    /// ISO/IEC 7064 MOD 11,10, the last digit being the check digit.
    static func mod11And10(_ digits: Digits) -> Bool {
        var product = 10
        for place in 0..<digits.count - 1 {
            let sum = (digits[place] + product) % 10
            product = (sum == 0 ? 10 : sum) * 2 % 11
        }
        return (11 - product) % 10 == digits[digits.count - 1]
    }

    /// The remainder by 97 (ISO/IEC 7064) of text in which letters stand for 10 to 35, going on from another one.
    static func mod97(_ remainder: Int, _ octet: UInt8) -> Int {
        if octet.isDigit { return (remainder * 10 + Int(octet & 15)) % 97 }
        return (remainder * 100 + Int(octet) - 55) % 97
    }
}

/// The values of a number's digits: 19 at most.
struct Digits {
    private var values = InlineArray<19, UInt8>(repeating: 0)
    private(set) var count = 0

    subscript(place: Int) -> Int { Int(values[place]) }

    /// False when there is no room.
    mutating func append(_ octet: UInt8) -> Bool {
        guard count < MaskLimits.digits else { return false }
        values[count] = octet & 15
        count += 1
        return true
    }

    /// So many digits from a place on, as a number.
    func number(_ start: Int, _ length: Int) -> Int {
        var number = 0
        for place in start..<start + length { number = number * 10 + self[place] }
        return number
    }
}
