internal import Model

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
        zip(segment, segment.dropFirst()).contains { $0 == StarredText.star && $1 == StarredText.star }
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
