/// The path of a URL in the one form that is decided on and forwarded (RFC 3986 section 6.2.2).
package enum URLPath {
    /// The path with percent-encodings of unreserved characters decoded and others in upper case, and without dot
    /// segments (section 5.2.4) and empty segments.
    ///
    /// Nil for a text that does not begin with `/`, has a byte that a path may not have, or an incomplete
    /// percent-encoding. Empty segments go first, as in servers that merge slashes: `/a//../b` is `/b`.
    package static func normalise(_ raw: some StringProtocol) -> String? {
        let bytes = Array(raw.utf8)
        guard bytes.first == UInt8(ascii: "/"), let decoded = decodingUnreserved(bytes) else { return nil }
        return String(decoding: removingSegments(decoded), as: UTF8.self)
    }

    /// Whether a path is already in normal form: what `normalise` would give back unchanged.
    package static func isNormal(_ path: [UInt8]) -> Bool {
        var previous: UInt8 = 0
        var isPlain = true
        for byte in path {
            // No dot and no slash begins a segment, so there is none to remove.
            let mayBegin = byte != UInt8(ascii: ".") && byte != UInt8(ascii: "/")
            guard isPathByte(byte), mayBegin || previous != UInt8(ascii: "/") else {
                isPlain = false
                break
            }
            previous = byte
        }
        if isPlain { return path.first == UInt8(ascii: "/") }
        return normalise(String(decoding: path, as: UTF8.self)).map { $0.utf8.elementsEqual(path) } ?? false
    }

    /// Bytes that may stand in a path as they are: `pchar` and `/` (RFC 3986 section 3.3).
    package static func isPathByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&")...UInt8(ascii: ","), UInt8(ascii: ";"),
            UInt8(ascii: "="), UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "/"):
            true
        default: isUnreserved(byte)
        }
    }

    /// RFC 3986 section 2.3.
    package static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// The value of a hexadecimal digit.
    package static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    private static func decodingUnreserved(_ bytes: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "%") else {
                guard isPathByte(bytes[index]) else { return nil }
                result.append(bytes[index])
                index += 1
                continue
            }
            guard index + 2 < bytes.count, let high = hexValue(bytes[index + 1]),
                let low = hexValue(bytes[index + 2])
            else { return nil }
            let value = high << 4 | low
            if isUnreserved(value) {
                result.append(value)
            } else {
                result += [UInt8(ascii: "%"), upperHex(high), upperHex(low)]
            }
            index += 3
        }
        return result
    }

    static func upperHex(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? nibble + 0x30 : nibble + 0x37
    }

    private static func removingSegments(_ bytes: [UInt8]) -> [UInt8] {
        var kept: [ArraySlice<UInt8>] = []
        var endsOpen = false
        for segment in bytes.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        {
            let isDoubleDot = segment.elementsEqual("..".utf8)
            endsOpen = isDoubleDot || segment.isEmpty || segment.elementsEqual(".".utf8)
            if isDoubleDot { _ = kept.popLast() }
            if !endsOpen { kept.append(segment) }
        }
        if endsOpen { kept.append([]) }
        let path = kept.flatMap { [UInt8(ascii: "/")] + $0 }
        // `/a/..` leads to the root, which has one slash.
        return path.isEmpty ? [UInt8(ascii: "/")] : path
    }
}
