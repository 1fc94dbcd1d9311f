internal import Model

/// Which files something on the host runs, by where they lie: data, which a security team extends.
package struct HostRunTable: Sendable {
    /// One line of it.
    package struct Row: Sendable {
        /// Of the last names of a path.
        fileprivate let names: [WordGlob]
        /// In small letters, one of which the file holds; empty for any content.
        package let words: [[UInt8]]
        /// Nil for a file that nobody runs.
        package let reason: String?
        /// Its place in the table: those that run by themselves come first.
        package let rank: Int
    }

    /// Lines of a table; each name of a file that changed is held against those with stars.
    package static let maximumRows = 1_024
    /// Text of one pattern or reason.
    private static let maximumText = 256

    /// Lines whose last name has no star, by that name; those with one.
    private var exact: [ByteText: [Row]] = [:]
    private var starred: [Row] = []
    private var count = 0

    /// A line that is not understood, or one too many.
    package struct Problem: Error, Sendable, Hashable {
        package let line: Int
        package let message: String
    }

    /// Reads `pattern<TAB>words<TAB>reason` lines; `#` begins a comment.
    package init(_ text: String) throws(Problem) {
        for (index, line) in text.cut(at: "\n", omittingEmptySubsequences: false).enumerated() {
            guard !line.isEmpty, !line.begins(with: "#") else { continue }
            let fields = line.cut(at: "\t", omittingEmptySubsequences: false)
            guard fields.count == 3 else {
                throw Problem(
                    line: index + 1,
                    message: "a line is a pattern, words and a reason, with tabs between"
                )
            }
            try add(fields[0], words: fields[1], reason: fields[2], line: index + 1)
        }
    }

    /// One line more, behind all others.
    package mutating func add(
        _ pattern: some StringProtocol,
        words: some StringProtocol,
        reason: some StringProtocol,
        line: Int
    ) throws(Problem) {
        let names = pattern.cut(at: "/", omittingEmptySubsequences: false)
        let isText =
            !names.contains { $0.isEmpty } && max(pattern.utf8.count, reason.utf8.count) <= Self.maximumText
        guard isText, !reason.isEmpty, count < Self.maximumRows, let last = names.last else {
            throw Problem(
                line: line,
                message:
                    "a pattern is names with slashes between, with a reason, each of \(Self.maximumText) bytes at"
                    + " most, and \(Self.maximumRows) of them"
            )
        }
        let words = words.isSame(as: "-") ? [] : words.lowercasedASCII.cut(at: "|").map { Array($0.utf8) }
        let isNever = reason.isSame(as: "-")
        let row = Row(
            names: names.map { WordGlob(String($0)) },
            words: words,
            reason: isNever ? nil : String(reason),
            rank: count
        )
        count += 1
        if last.holds("*") { starred.append(row) } else { exact[ByteText(last), default: []].append(row) }
    }

    /// What is first said of a path; `path` has names with slashes between, absolute or not.
    package func row(for path: [UInt8]) -> Row? {
        let names = path.split(separator: UInt8(ascii: "/"))
        guard let last = names.last else { return nil }
        let candidates = (exact[ByteText(String(decoding: last, as: UTF8.self))] ?? []) + starred
        return candidates.filter { $0.matches(names) }.min { $0.rank < $1.rank }
    }
}

extension HostRunTable.Row {
    fileprivate func matches(_ path: [ArraySlice<UInt8>]) -> Bool {
        guard path.count >= names.count else { return false }
        return zip(names.reversed(), path.reversed()).allSatisfy { $0.matches(Array($1)) }
    }

    /// Whether a file's content is such that it is run.
    package func holds(_ content: [UInt8]) -> Bool {
        guard !words.isEmpty else { return true }
        let text = content.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        return words.contains { word in
            guard let first = word.first, text.count >= word.count else { return false }
            return (0...(text.count - word.count)).contains {
                text[$0] == first && text[$0..<($0 + word.count)].elementsEqual(word)
            }
        }
    }
}
