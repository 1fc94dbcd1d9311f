internal import Model

/// Which files something on the host runs, by where they lie: data, which a security team extends.
package struct HostRunTable: Sendable {
    /// One line of it.
    package struct Row: Sendable {
        /// Of the last names of a path.
        fileprivate let names: [WordGlob]
        /// They are folders, and it is about every file below them, at any depth.
        fileprivate let isDeep: Bool
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
    /// Lines about what is below folders, by the last of those; where its name has a star, they are with those above.
    private var deep: [ByteText: [Row]] = [:]
    /// Lines that name folders.
    private var inFolders: [Row] = []
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
        var names = pattern.cut(at: "/", omittingEmptySubsequences: false)
        let isDeep = names.count > 1 && names.last?.isSame(as: "**") ?? false
        if isDeep { names.removeLast() }
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
            isDeep: isDeep,
            words: words,
            reason: isNever ? nil : String(reason),
            rank: count
        )
        count += 1
        if row.isInFolders { inFolders.append(row) }
        switch (last.holds("*"), isDeep) {
        case (true, _): starred.append(row)
        case (false, true): deep[ByteText(last), default: []].append(row)
        case (false, false): exact[ByteText(last), default: []].append(row)
        }
    }

    /// What is first said of a path; `path` has names with slashes between, absolute or not.
    package func row(for path: [UInt8]) -> Row? {
        let names = path.split(separator: UInt8(ascii: "/")).map { Array($0) }
        guard let last = names.last else { return nil }
        func keyed(_ rows: [ByteText: [Row]], _ name: [UInt8]) -> [Row] {
            rows[ByteText(String(decoding: name, as: UTF8.self))] ?? []
        }
        let candidates = [keyed(exact, last), starred] + names.dropLast().map { keyed(deep, $0) }
        return candidates.joined().filter { $0.matches(names) }.min { $0.rank < $1.rank }
    }

    /// What is first said of files below a path: of a link there, which stands in a folder's place.
    package func row(below path: [UInt8]) -> Row? {
        let names = path.split(separator: UInt8(ascii: "/")).map { Array($0) }
        return inFolders.first { $0.isAbout(below: names) }
    }
}

extension HostRunTable.Row {
    fileprivate func matches(_ path: [[UInt8]]) -> Bool {
        guard isDeep else { return Self.end(path[...], with: names[...]) }
        return path.indices.contains { Self.end(path[..<$0], with: names[...]) }
    }

    /// Whether it is about files in folders that it names, and that something runs.
    fileprivate var isInFolders: Bool { reason != nil && (isDeep || names.count > 1) }

    /// Whether a path ends with some of the folders of the pattern, from its first.
    fileprivate func isAbout(below path: [[UInt8]]) -> Bool {
        let folders = isDeep ? names[...] : names.dropLast()
        return folders.indices.contains { Self.end(path[...], with: folders[...$0]) }
    }

    private static func end(_ path: ArraySlice<[UInt8]>, with names: ArraySlice<WordGlob>) -> Bool {
        guard path.count >= names.count else { return false }
        return zip(names.reversed(), path.reversed()).allSatisfy { $0.matches($1) }
    }

    /// Whether a file's content is such that it is run.
    ///
    /// - Parameters:
    ///   - content: as much of it as was read.
    ///   - isWhole: there is no more; what was not read may hold anything.
    /// - Returns: false where nobody runs it.
    package func holds(_ content: [UInt8], isWhole: Bool = true) -> Bool {
        guard !words.isEmpty, isWhole else { return true }
        return words.contains { Self.holds(content.span, $0.span) }
    }

    private static func holds(_ content: Span<UInt8>, _ word: Span<UInt8>) -> Bool {
        guard !word.isEmpty, content.count >= word.count else { return false }
        func small(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
        var start = 0
        while start <= content.count - word.count {
            var matched = 0
            while matched < word.count, small(content[start + matched]) == word[matched] { matched += 1 }
            if matched == word.count { return true }
            start += 1
        }
        return false
    }
}
