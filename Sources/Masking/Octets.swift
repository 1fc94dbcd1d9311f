extension UInt8 {
    var isLower: Bool { (0x61...0x7a).contains(self) }
    var isUpper: Bool { (0x41...0x5a).contains(self) }
    var isDigit: Bool { (0x30...0x39).contains(self) }
    var isLetterOrDigit: Bool { isLower || isUpper || isDigit }
    var isUpperOrDigit: Bool { isUpper || isDigit }
    /// Base64url (RFC 4648 section 5).
    var isTokenOctet: Bool { isLetterOrDigit || self == 0x5f || self == 0x2d }
    var isBlank: Bool { self == 0x20 || (0x09...0x0d).contains(self) }
    var isQuote: Bool { self == 0x22 || self == 0x27 || self == 0x60 }
    /// A letter in lower case; anything else as it is.
    var lowered: UInt8 { isUpper ? self | 0x20 : self }
}

extension Sequence<UInt8> {
    /// A stretch of 16 letters and digits that holds both: words do not, keys do.
    var hasRandomStretch: Bool {
        var length = 0
        var digits = 0
        var letters = 0
        for octet in self {
            guard octet.isLetterOrDigit else {
                (length, digits, letters) = (0, 0, 0)
                continue
            }
            length += 1
            if octet.isDigit { digits += 1 } else { letters += 1 }
            if length >= 16 && digits > 0 && letters > 0 { return true }
        }
        return false
    }
}
