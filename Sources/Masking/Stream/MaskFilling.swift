internal import Model
internal import Wire

/// Writes over what is masked, octet for octet: letters become `x` or `X`, digits `9`, and what separates them stays, so
/// that a text stays a text, a JSON number a number of as many digits, and an escape an escape.
enum MaskFilling {
    static func fill(
        _ document: UnsafeMutableRawBufferPointer,
        _ range: Range<Int>,
        _ kind: MaskKind,
        _ syntax: EscapeSyntax
    ) {
        let isSecret = kind == .token || kind == .privateKey
        var index = range.lowerBound
        while index < range.upperBound {
            let octet = unsafe document[index]
            if syntax.begins(with: octet) {
                index += unsafe escape(document, index, range.upperBound, isSecret, syntax)
            } else {
                unsafe document[index] = filler(octet, isSecret)
                index += 1
            }
        }
    }

    /// Of a secret nothing is left but what ends its lines.
    private static func filler(_ octet: UInt8, _ isSecret: Bool) -> UInt8 {
        if octet.isDigit { return isSecret ? UInt8(ascii: "x") : UInt8(ascii: "9") }
        if octet.isUpper { return isSecret ? UInt8(ascii: "x") : UInt8(ascii: "X") }
        if octet.isLower || octet >= 0x80 { return UInt8(ascii: "x") }
        let isOfToken = octet == UInt8(ascii: "+") || octet == UInt8(ascii: "/") || octet == UInt8(ascii: "_")
        return isSecret && isOfToken ? UInt8(ascii: "x") : octet
    }

    /// Masks what an escape stands for, where it stands for a letter or a digit; its length.
    private static func escape(
        _ document: UnsafeMutableRawBufferPointer,
        _ start: Int,
        _ end: Int,
        _ isSecret: Bool,
        _ syntax: EscapeSyntax
    ) -> Int {
        var text = EscapedOctets.Octets()
        for index in start..<min(start + EscapedOctets.maximumLength, end) {
            text.append(unsafe document[index])
        }
        guard case .whole(let length, let octets, let count) = syntax.read(text) else { return 1 }
        let octet = count == 1 ? UInt8(truncatingIfNeeded: octets) : 0x80
        let masked = filler(octet, isSecret)
        guard masked != octet else { return length }
        unsafe write(masked, document, start..<start + length)
        return length
    }

    /// In as many digits as there are: two decimal ones hold `X`, no small letter.
    private static func write(
        _ octet: UInt8,
        _ document: UnsafeMutableRawBufferPointer,
        _ escape: Range<Int>
    ) {
        let isReference = unsafe document[escape.lowerBound] == UInt8(ascii: "&")
        let isDecimal = unsafe isReference && document[escape.lowerBound + 2] | 0x20 != UInt8(ascii: "x")
        var value = octet
        if isDecimal, escape.count == 5, octet > 99 { value = UInt8(ascii: "X") }
        var place = escape.upperBound - (isReference ? 2 : 1)
        let base: UInt8 = isDecimal ? 10 : 16
        while place > escape.lowerBound, unsafe EscapedOctets.hexValue(document[place]) != nil {
            let digit = value % base
            unsafe document[place] = digit < 10 ? 0x30 + digit : 0x37 + digit
            value /= base
            place -= 1
        }
    }
}
