internal import Glibc
internal import Linux
internal import Model

/// What a configuration of Git's leads to (git-config(1)): every include, whatever its condition.
struct GitConfiguration {
    /// Bytes of one: far more than any has.
    private static let maximumSize = 1 << 20

    private(set) var includes: [String] = []
    /// Folders of hooks.
    private(set) var hooks: [String] = []
    /// Git reads `config.worktree` as well.
    private(set) var readsOwn = false

    /// Nil where there is none that Git could read.
    ///
    /// - Throws: where there is more than is read, or a path that is no text.
    static func read(
        _ path: String,
        _ files: GitFiles,
        isHosts: Bool
    ) throws(SystemCallError) -> GitConfiguration? {
        guard let bytes = try files.bytes(at: path, limit: maximumSize, isHosts: isHosts) else { return nil }
        var configuration = GitConfiguration()
        var reader = GitConfigurationReader(bytes)
        while let entry = reader.next() {
            guard configuration.take(entry) else {
                throw SystemCallError(stage: "read", object: path, errno: EILSEQ)
            }
        }
        return configuration
    }

    /// False where a path is no text.
    private mutating func take(_ entry: GitConfigurationReader.Entry) -> Bool {
        switch (entry.section, entry.key) {
        case ("include", "path"), ("includeif", "path"):
            guard let path = entry.text else { return false }
            if !path.isEmpty { includes.append(path) }
        case ("core", "hookspath"):
            guard let path = entry.text else { return false }
            if !path.isEmpty { hooks.append(path) }
        case ("extensions", "worktreeconfig"): readsOwn = true
        default: break
        }
        return true
    }
}

/// Reads a configuration as Git does (config.c), and what Git would stop at as if it went on.
struct GitConfigurationReader {
    struct Entry {
        /// Without its subsection; in small letters, as the key.
        let section: String
        let key: String
        let value: [UInt8]

        var text: String? { String(validating: value, as: UTF8.self) }
    }

    private var rest: ArraySlice<UInt8>
    private var section = ""

    init(_ bytes: [UInt8]) {
        rest = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    }

    mutating func next() -> Entry? {
        while let byte = rest.first {
            switch byte {
            case UInt8(ascii: "#"), UInt8(ascii: ";"): skipLine()
            case UInt8(ascii: "["): readSection()
            case _ where Self.isWord(byte): return readEntry()
            default: rest = rest.dropFirst()
            }
        }
        return nil
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            || byte == UInt8(ascii: "-")
    }

    private mutating func skipLine() { rest = rest.drop { $0 != UInt8(ascii: "\n") } }

    private mutating func word() -> String {
        let word = rest.prefix(while: Self.isWord)
        rest = rest.dropFirst(word.count)
        return String(decoding: word.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    /// `[name]`, `[name "subsection"]`, `[name.subsection]`.
    private mutating func readSection() {
        rest = rest.dropFirst()
        section = word()
        var isQuoted = false
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "]") && !isQuoted { return }
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            if byte == UInt8(ascii: "\\"), isQuoted { rest = rest.dropFirst() }
        }
    }

    private mutating func readEntry() -> Entry {
        let key = word()
        rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        guard rest.first == UInt8(ascii: "=") else { return Entry(section: section, key: key, value: []) }
        rest = rest.dropFirst()
        return Entry(section: section, key: key, value: readValue())
    }

    private mutating func readValue() -> [UInt8] {
        var value: [UInt8] = []
        /// Bytes of it that are not space at its end.
        var length = 0
        var isQuoted = false
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\n") {
            switch byte {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "#"), UInt8(ascii: ";"):
                guard isQuoted else {
                    skipLine()
                    continue
                }
                value.append(byte)
            case UInt8(ascii: "\\"):
                guard let escaped = readEscaped() else { continue }
                value.append(escaped)
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
                if !value.isEmpty || isQuoted { value.append(byte) }
                if !isQuoted { continue }
            default: value.append(byte)
            }
            length = value.count
        }
        return Array(value.prefix(length))
    }

    /// What a backslash makes of the next byte; nil for the end of a line, which it takes away.
    private mutating func readEscaped() -> UInt8? {
        if rest.starts(with: "\r\n".utf8) { rest = rest.dropFirst() }
        return switch rest.popFirst() {
        case UInt8(ascii: "n"): UInt8(ascii: "\n")
        case UInt8(ascii: "t"): UInt8(ascii: "\t")
        case UInt8(ascii: "b"): 8
        case UInt8(ascii: "\n"), nil: nil
        case let byte?: byte
        }
    }
}
