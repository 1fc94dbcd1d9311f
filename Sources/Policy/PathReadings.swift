internal import Model

/// A path cut at its slashes; `/` has one empty segment.
struct SegmentedPath: Sendable {
    let bytes: [UInt8]
    let ranges: [Range<Int>]

    /// `bytes` begins with a slash.
    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(8)
        var start = 1
        for index in bytes.indices.dropFirst() where bytes[index] == UInt8(ascii: "/") {
            ranges.append(start..<index)
            start = index + 1
        }
        ranges.append(start..<max(start, bytes.count))
        self.ranges = ranges
    }

    var count: Int { ranges.count }

    func begins(with prefix: ArraySlice<UInt8>, _ steps: inout Int) -> Bool {
        guard bytes.count >= prefix.count else { return false }
        for (index, byte) in zip(bytes.indices, prefix) where bytes[index] != byte {
            steps += index + 1
            return false
        }
        steps += prefix.count
        return true
    }
}

/// What servers may take a path to mean.
///
/// RFC 3986 gives one reading. Servers exist that decode `%2F`, take `\` for `/`, cut `;parameters`
/// or decode twice. `allow` must match the path as written; `deny` and `ask` apply when either reading matches,
/// so that none of these spellings walks around them. A path whose loose reading has dot segments or control
/// bytes has no honest use and is refused.
struct PathReadings: Sendable {
    let written: SegmentedPath
    /// Nil where it is the same.
    let loose: SegmentedPath?

    /// Percent-decodings that are followed; a server that decodes more often is not known.
    static let maximumDecodings = 3

    /// What is wrong with a path that cannot be decided on.
    enum Problem: Error {
        case notNormal
        case hidesDotSegment
        case hidesControlByte
    }

    init(_ path: String) throws(Problem) {
        let bytes = Array(path.utf8)
        guard bytes.first == UInt8(ascii: "/"), URLPath.isNormal(bytes) else { throw .notNormal }
        written = SegmentedPath(bytes)
        loose = try Self.looseReading(of: bytes)
    }

    private static func looseReading(of bytes: [UInt8]) throws(Problem) -> SegmentedPath? {
        guard needsLooseReading(bytes) else { return nil }
        var decoded = bytes
        for _ in 0..<maximumDecodings where decoded.contains(UInt8(ascii: "%")) { decoded = decode(decoded) }
        guard decoded.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { throw .hidesControlByte }
        var result: [UInt8] = []
        let segments = decoded.dropFirst().split(omittingEmptySubsequences: false) {
            $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\")
        }
        for (index, segment) in segments.enumerated() {
            let name = segment.prefix { $0 != UInt8(ascii: ";") }
            guard !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8) else {
                throw .hidesDotSegment
            }
            if !name.isEmpty || index == segments.count - 1 { result += [UInt8(ascii: "/")] + name }
        }
        return result == bytes ? nil : SegmentedPath(result)
    }

    private static func needsLooseReading(_ bytes: [UInt8]) -> Bool {
        bytes.contains { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: "\\") }
    }

    private static func decode(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let high = URLPath.hexValue(bytes[index + 1]), let low = URLPath.hexValue(bytes[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return result
    }
}
