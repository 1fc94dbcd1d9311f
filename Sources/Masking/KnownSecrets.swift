internal import Literals
internal import Synchronization

/// Exact values to hide.
///
/// Searching is linear in the text for each of them (Knuth, Morris and Pratt), whatever text and secret are.
struct KnownSecrets: Sendable {
    /// A shorter value occurs in ordinary text by chance, and would hide it.
    static let minimumLength = 4

    private struct Pattern: Sendable {
        let octets: [UInt8]
        /// For each prefix, the length of its longest proper prefix that is also its suffix.
        let fallback: [Int]
    }

    private let patterns: [Pattern]
    private let filter: Filter

    /// Finds any of them in long texts; made with the first, since that takes a moment.
    private final class Filter: Sendable {
        private let literals: [[UInt8]]
        /// Nil within where Vectorscan does not run.
        private let made = Mutex<LiteralSet??>(nil)

        init(_ literals: [[UInt8]]) { self.literals = literals }

        var set: LiteralSet? {
            made.withLock { made in
                let set = made ?? LiteralSet(literals)
                made = .some(set)
                return set
            }
        }
    }

    init(_ secrets: [String]) {
        let values = Set(secrets.flatMap(Self.forms)).filter { $0.count >= Self.minimumLength }
        // The longest first: one value may hold another.
        patterns = values.sorted { ($0.count, $0.description) > ($1.count, $1.description) }.map(Self.pattern)
        filter = Filter(patterns.map(\.octets))
    }

    func masked(_ text: String) -> String {
        var octets = Array(text.utf8)
        var isChanged = false
        for pattern in patterns {
            let starts = Self.occurrences(of: pattern, in: octets)
            if starts.isEmpty { continue }
            octets = Self.hiding(starts, length: pattern.octets.count, in: octets)
            isChanged = true
        }
        return isChanged ? String(decoding: octets, as: UTF8.self) : text
    }

    /// Where any of them stands.
    func ranges(in octets: [UInt8]) -> [Range<Int>] {
        patterns.flatMap { pattern in
            Self.occurrences(of: pattern, in: octets).map { $0..<$0 + pattern.octets.count }
        }
    }

    /// Octets at the end of some that are the longest beginning of any.
    func beginning(in octets: ArraySlice<UInt8>) -> Int {
        patterns.reduce(0) { longest, pattern in
            var matched = 0
            // A beginning is shorter than the whole.
            for octet in octets.suffix(pattern.octets.count - 1) {
                while matched > 0 && octet != pattern.octets[matched] {
                    matched = pattern.fallback[matched - 1]
                }
                if octet == pattern.octets[matched] { matched += 1 }
            }
            return max(longest, matched)
        }
    }

    /// Whether any of them may stand in a text.
    func mayOccur(in text: String) -> Bool {
        guard !patterns.isEmpty else { return false }
        return filter.set.map { $0.mayOccur(in: text) } ?? true
    }

    func mayOccur(in octets: [UInt8]) -> Bool {
        guard !patterns.isEmpty else { return false }
        return filter.set.map { $0.mayOccur(in: octets) } ?? true
    }

    /// The value as it is, and as a URL carries it (RFC 3986 section 2.1).
    private static func forms(_ secret: String) -> [[UInt8]] {
        let plain = Array(secret.utf8)
        let digits = Array("0123456789ABCDEF".utf8)
        let encoded = plain.flatMap { octet -> [UInt8] in
            octet.isTokenOctet || octet == UInt8(ascii: ".") || octet == UInt8(ascii: "~")
                ? [octet] : [UInt8(ascii: "%"), digits[Int(octet >> 4)], digits[Int(octet & 15)]]
        }
        return [plain, encoded]
    }

    private static func pattern(_ octets: [UInt8]) -> Pattern {
        var fallback = [Int](repeating: 0, count: octets.count)
        var length = 0
        for index in octets.indices.dropFirst() {
            while length > 0 && octets[index] != octets[length] { length = fallback[length - 1] }
            if octets[index] == octets[length] { length += 1 }
            fallback[index] = length
        }
        return Pattern(octets: octets, fallback: fallback)
    }

    private static func occurrences(of pattern: Pattern, in text: [UInt8]) -> [Int] {
        var starts: [Int] = []
        var matched = 0
        for (index, octet) in text.enumerated() {
            while matched > 0 && octet != pattern.octets[matched] { matched = pattern.fallback[matched - 1] }
            if octet == pattern.octets[matched] { matched += 1 }
            if matched == pattern.octets.count {
                starts.append(index + 1 - matched)
                matched = 0
            }
        }
        return starts
    }

    private static func hiding(_ starts: [Int], length: Int, in text: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        var index = 0
        for start in starts {
            output += text[index..<start]
            output += Array(SecretShapes.hidden.utf8)
            index = start + length
        }
        return output + text[index...]
    }
}
