/// Something masked whose end has not come: what of the text that follows belongs to it.
enum MaskedRun: Sendable {
    /// A token: base64url.
    case token
    /// A token with dots.
    case dotted
    /// The body of a PEM block, up to two dashes; `afterDash` says that the last octet was one.
    case key(afterDash: Bool)

    /// How much of the text from a place on belongs to it; `self` becomes what is to be gone on with.
    mutating func length(_ text: RawSpan, from start: Int) -> Int {
        var index = start
        while index < text.byteCount, takes(text.octet(index)) { index += 1 }
        return index - start
    }

    private mutating func takes(_ octet: UInt8) -> Bool {
        switch self {
        case .token: return octet.isTokenOctet
        case .dotted: return octet.isTokenOctet || octet == UInt8(ascii: ".")
        case .key(let afterDash):
            let isDash = octet == UInt8(ascii: "-")
            guard !(isDash && afterDash) else { return false }
            self = .key(afterDash: isDash)
            return isDash || octet.isLetterOrDigit || octet.isBlank || "+/=:,".utf8.contains(octet)
        }
    }
}
