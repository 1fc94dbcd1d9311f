import Model

/// One spelling for each path, so that what is decided on is what every server will read.
///
/// RFC 3986 section 6.2.2 (case of hex digits, unreserved characters, dot segments), empty segments removed, and
/// refused where servers are known to disagree about the meaning: see README.md, "Paths".
enum PathNormalizer {
    static func normalized(_ raw: Substring) throws(HTTPFault) -> String {
        let decoded = try unreservedDecoded(Array(raw.utf8))
        var segments: [ArraySlice<UInt8>] = []
        var endsOpen = false
        for segment in decoded.dropFirst().split(
            separator: UInt8(ascii: "/"),
            omittingEmptySubsequences: false
        ) {
            endsOpen = segment.isEmpty || isDot(segment) || isDotDot(segment)
            try checkParameters(of: segment)
            try checkEncodedSlashes(of: segment)
            if isDotDot(segment) {
                _ = segments.popLast()
            } else if !segment.isEmpty, !isDot(segment) {
                segments.append(segment)
            }
        }
        let joined = segments.map { String(decoding: $0, as: Unicode.UTF8.self) }.joined(separator: "/")
        return "/" + joined + (endsOpen && !segments.isEmpty ? "/" : "")
    }

    /// Percent-encodings of unreserved characters decoded, every other one in upper case, and every octet that
    /// must be encoded encoded.
    private static func unreservedDecoded(_ raw: [UInt8]) throws(HTTPFault) -> [UInt8] {
        guard raw.first == UInt8(ascii: "/") else { throw .malformed("the path does not begin with /") }
        var result: [UInt8] = []
        result.reserveCapacity(raw.count)
        var index = 0
        while index < raw.count {
            let byte = raw[index]
            if byte == UInt8(ascii: "%") {
                let value = try escape(raw, at: index)
                append(value, isLiteral: Octets.isUnreserved(value), to: &result)
                index += 3
            } else {
                try checkLiteral(byte)
                append(byte, isLiteral: Octets.isPath(byte), to: &result)
                index += 1
            }
        }
        try checkEncodedOnce(result)
        return result
    }

    private static func append(_ byte: UInt8, isLiteral: Bool, to result: inout [UInt8]) {
        if isLiteral {
            result.append(byte)
        } else {
            result += Octets.percentEncoded(byte)
        }
    }

    private static func checkLiteral(_ byte: UInt8) throws(HTTPFault) {
        guard byte != UInt8(ascii: "\\") else {
            throw .malformed("the path contains a backslash, which some servers read as a slash")
        }
        guard (0x21...0x7E).contains(byte), byte != UInt8(ascii: "#") else {
            throw .malformed("the path contains an octet that must be percent-encoded")
        }
    }

    private static func escape(_ raw: [UInt8], at index: Int) throws(HTTPFault) -> UInt8 {
        guard index + 2 < raw.count, let high = Octets.hexValue(raw[index + 1]),
            let low = Octets.hexValue(raw[index + 2])
        else { throw .malformed("the path contains a % that is not followed by two hexadecimal digits") }
        let value = high << 4 | low
        switch value {
        case 0..<0x20, 0x7F:
            throw .malformed("the path contains an encoded control character")
        case 0xC0, 0xC1:
            // The first octet of an overlong UTF-8 sequence (RFC 3629 section 3), which lax servers read as ASCII.
            throw .malformed("the path contains octets that are not UTF-8 and hide a character")
        case UInt8(ascii: "\\"):
            throw .malformed("the path contains an encoded backslash, which some servers read as a slash")
        default:
            return value
        }
    }

    /// Refuses an encoded `%` that, decoded, would begin another escape.
    ///
    /// Looked for in the result: the digits may have been encoded themselves.
    private static func checkEncodedOnce(_ path: [UInt8]) throws(HTTPFault) {
        for index in path.indices where path[index] == UInt8(ascii: "%") {
            guard path[index...].dropFirst().prefix(2).elementsEqual("25".utf8) else { continue }
            let digits = path[index...].dropFirst(3).prefix(2)
            guard digits.count < 2 || !digits.allSatisfy({ Octets.hexValue($0) != nil }) else {
                throw .malformed("the path is percent-encoded twice, which servers read differently")
            }
        }
    }

    /// `..;x` is a parent directory to servers that drop path parameters first.
    private static func checkParameters(of segment: ArraySlice<UInt8>) throws(HTTPFault) {
        guard let end = segment.firstIndex(of: UInt8(ascii: ";")) else { return }
        let name = segment[..<end]
        guard !isDot(name), !isDotDot(name), !name.isEmpty else {
            throw .malformed("the path hides a dot or empty segment behind a path parameter")
        }
    }

    /// Lets an encoded slash be, where it has an honest use (`/@scope%2Fname`, as npm asks).
    ///
    /// `allow` is matched with it as it stands, `deny` and `ask` with the slash as well. Where a server that decodes it would meet an empty or dot segment, it has no
    /// honest use.
    private static func checkEncodedSlashes(of segment: ArraySlice<UInt8>) throws(HTTPFault) {
        var rest = segment
        while let mark = rest.firstIndex(where: { $0 == UInt8(ascii: "%") }) {
            guard rest[mark...].prefix(3).elementsEqual("%2F".utf8) else {
                rest = rest[(mark + 1)...]
                continue
            }
            try checkParts(of: segment)
            return
        }
    }

    private static func checkParts(of segment: ArraySlice<UInt8>) throws(HTTPFault) {
        var part: [UInt8] = []
        var index = segment.startIndex
        while index <= segment.endIndex {
            let isSlash = segment[index...].prefix(3).elementsEqual("%2F".utf8)
            if isSlash || index == segment.endIndex {
                guard !part.isEmpty, part != Array(".".utf8), part != Array("..".utf8) else {
                    throw .malformed("the path hides a dot or empty segment behind an encoded slash")
                }
                part = []
                index += isSlash ? 3 : 1
            } else {
                part.append(segment[index])
                index += 1
            }
        }
    }

    private static func isDot(_ segment: ArraySlice<UInt8>) -> Bool {
        segment.elementsEqual([UInt8(ascii: ".")])
    }

    private static func isDotDot(_ segment: ArraySlice<UInt8>) -> Bool {
        segment.elementsEqual([UInt8(ascii: "."), UInt8(ascii: ".")])
    }
}
