internal import Model

/// A glob over a normalised absolute URL path.
///
/// `*` stands for any run of bytes within a segment, and as a whole segment for one that is not empty; `**` is a
/// whole segment and stands for any number of segments, none included: `/a/**` matches `/a`, `/a/` and `/a/b/c`.
package struct PathGlob: Sendable, Hashable {
    /// One segment of the pattern.
    enum Segment: Sendable, Hashable {
        /// `**`.
        case anySegments
        /// `*`.
        case oneSegment
        case literal([UInt8])
        /// Text with `*` in it.
        case pattern([UInt8])
    }

    package let text: String
    let segments: [Segment]

    /// Bytes of a pattern; servers commonly refuse request lines over 8 KiB, and a reviewed pattern is far shorter.
    package static let maximumLength = 1024

    /// `/**`: every path.
    package static let everything = PathGlob(text: "/**", segments: [.anySegments])

    /// Nil for a text that is not a path pattern; `problem(in:)` says why.
    package init?(_ text: String) {
        guard Self.problem(in: text) == nil else { return nil }
        self.init(
            text: text,
            segments: text.utf8.dropFirst()
                .split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
                .map { Self.segment(Array($0)) }
        )
    }

    private init(text: String, segments: [Segment]) {
        self.text = text
        self.segments = segments
    }

    private static func segment(_ bytes: [UInt8]) -> Segment {
        if bytes == Array("**".utf8) { return .anySegments }
        if bytes == [Wildcard.star] { return .oneSegment }
        return bytes.contains(Wildcard.star) ? .pattern(bytes) : .literal(bytes)
    }

    /// Whether the path is one that the glob stands for; at most pattern times path steps.
    func matches(_ path: SegmentedPath) -> Bool {
        var next = 0
        var position = 0
        var retry: (glob: Int, path: Int)?
        while position < path.count {
            if next < segments.count, segments[next] == .anySegments {
                retry = (next + 1, position)
                next += 1
            } else if next < segments.count, segments[next].matches(path[position]) {
                next += 1
                position += 1
            } else if let last = retry {
                retry = (last.glob, last.path + 1)
                next = last.glob
                position = last.path + 1
            } else {
                return false
            }
        }
        return segments[next...].allSatisfy { $0 == .anySegments }
    }
}

extension PathGlob.Segment {
    fileprivate func matches(_ segment: ArraySlice<UInt8>) -> Bool {
        switch self {
        case .anySegments: false
        case .oneSegment: !segment.isEmpty
        case .literal(let bytes): bytes[...] == segment
        case .pattern(let bytes): Wildcard.matches(bytes[...], segment)
        }
    }
}

extension PathGlob {
    /// Why a text is no path pattern, and what may have been meant.
    package struct Problem: Error, Sendable, Hashable {
        package let message: String
        package let suggestion: String?
    }

    /// What is wrong with a pattern; nil for a good one.
    ///
    /// A pattern that is not in normal form is refused: every path is normalised before it is matched, so
    /// such a pattern could never match.
    package static func problem(in text: String) -> Problem? {
        guard text.utf8.first == UInt8(ascii: "/") else {
            return Problem(message: "the path must begin with /", suggestion: "/" + text)
        }
        guard text.utf8.count <= maximumLength else {
            return Problem(message: "the path is longer than \(maximumLength) bytes", suggestion: nil)
        }
        if text.utf8.contains(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) {
            return Problem(
                message: "queries and fragments are not matched; write the path alone",
                suggestion: nil
            )
        }
        guard let normal = URLPath.normalise(text) else {
            return Problem(message: "a byte that no path may hold as it is", suggestion: percentEncoded(text))
        }
        guard normal.utf8.elementsEqual(text.utf8) else {
            return Problem(message: "not in normal form, so it could never match", suggestion: normal)
        }
        let segments = text.utf8.split(separator: UInt8(ascii: "/"))
        guard segments.allSatisfy({ $0.count == 2 || !contains(doubleStar: $0) }) else {
            return Problem(message: "** must be a whole segment, as in /a/**", suggestion: nil)
        }
        return nil
    }

    private static func contains(doubleStar segment: Substring.UTF8View.SubSequence) -> Bool {
        zip(segment, segment.dropFirst()).contains { $0 == Wildcard.star && $1 == Wildcard.star }
    }

    private static func percentEncoded(_ text: String) -> String {
        text.utf8.reduce(into: "") { result, byte in
            if URLPath.isPathByte(byte) || byte == UInt8(ascii: "%") {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
    }
}
