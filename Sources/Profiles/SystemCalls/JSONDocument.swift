internal import Policy

/// A JSON file (RFC 8259) read strictly, every value with its position, as the nodes that profiles are read from.
///
/// Refused: duplicate keys, trailing commas, comments, escapes beyond the one-character ones, and anything over
/// the limits of `YAMLDocument`.
struct JSONDocument {
    let root: YAMLNode

    init(_ text: String, file: String) throws(ProfileError) {
        guard text.utf8.count <= YAMLDocument.maximumSize else {
            throw ProfileError(file: file, "the file is larger than \(YAMLDocument.maximumSize / 1024) KiB")
        }
        var reader = JSONReader(bytes: Array(text.utf8), file: file)
        root = try reader.document()
    }
}

/// One pass over the bytes; columns are counted in Unicode scalars.
private struct JSONReader {
    let bytes: [UInt8]
    let file: String
    private var at = 0
    private var line = 1
    private var column = 1
    private var count = 0

    init(bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    mutating func document() throws(ProfileError) -> YAMLNode {
        skipSpace()
        let root = try value(depth: 0)
        skipSpace()
        guard at == bytes.count else { throw problem("text after the end of the value") }
        return root
    }

    private mutating func value(depth: Int) throws(ProfileError) -> YAMLNode {
        count += 1
        guard count <= YAMLDocument.maximumNodes else {
            throw problem("more than \(YAMLDocument.maximumNodes) values")
        }
        guard depth <= YAMLDocument.maximumDepth else {
            throw problem("nested deeper than \(YAMLDocument.maximumDepth) levels")
        }
        let start = position
        switch peek {
        case UInt8(ascii: "{"): return YAMLNode(.mapping(try members(depth: depth)), at: start)
        case UInt8(ascii: "["): return YAMLNode(.list(try items(depth: depth)), at: start)
        case UInt8(ascii: "\""): return YAMLNode(.scalar(try string(), quoted: true), at: start)
        default: return YAMLNode(try word(), at: start)
        }
    }

    private mutating func members(depth: Int) throws(ProfileError) -> [YAMLEntry] {
        var entries: [YAMLEntry] = []
        var keys: Set<String> = []
        advance()
        skipSpace()
        guard !take(UInt8(ascii: "}")) else { return entries }
        repeat {
            skipSpace()
            let start = position
            guard peek == UInt8(ascii: "\"") else { throw problem("a key in double quotes is missing") }
            let key = try string()
            guard keys.insert(key).inserted else { throw problem("duplicate key \"\(key)\"", at: start) }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw problem("\":\" is missing after the key \"\(key)\"") }
            skipSpace()
            entries.append(YAMLEntry(key: key, keyPosition: start, value: try value(depth: depth + 1)))
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw problem("\",\" or \"}\" is missing") }
        return entries
    }

    private mutating func items(depth: Int) throws(ProfileError) -> [YAMLNode] {
        var items: [YAMLNode] = []
        advance()
        skipSpace()
        guard !take(UInt8(ascii: "]")) else { return items }
        repeat {
            skipSpace()
            items.append(try value(depth: depth + 1))
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw problem("\",\" or \"]\" is missing") }
        return items
    }

    private mutating func string() throws(ProfileError) -> String {
        advance()
        var text: [UInt8] = []
        while let byte = peek, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw problem("a text is not closed on its line") }
            if byte == UInt8(ascii: "\\") {
                advance()
                guard let escaped = peek.flatMap({ Self.escapes[$0] }) else {
                    throw problem("the escape is not allowed; write the character itself")
                }
                text.append(escaped)
            } else {
                text.append(byte)
            }
            advance()
        }
        guard take(UInt8(ascii: "\"")) else { throw problem("a text is not closed") }
        return String(decoding: text, as: UTF8.self)
    }

    private static let escapes: [UInt8: UInt8] = [
        UInt8(ascii: "\""): UInt8(ascii: "\""), UInt8(ascii: "\\"): UInt8(ascii: "\\"),
        UInt8(ascii: "/"): UInt8(ascii: "/"), UInt8(ascii: "n"): 0x0A, UInt8(ascii: "t"): 0x09,
    ]

    /// A number, `true`, `false` or `null`; who reads it decides what it may be.
    private mutating func word() throws(ProfileError) -> YAMLNode.Content {
        let start = at
        while let byte = peek, !Self.ends.contains(byte) { advance() }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        guard !text.isEmpty else { throw problem("a value is missing") }
        return text == "null" ? .null : .scalar(text, quoted: false)
    }

    private static let ends = Set(" \t\r\n,:{}[]\"".utf8)

    private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }
    private var position: TextPosition { TextPosition(line: line, column: column) }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        advance()
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { advance() }
    }

    private mutating func advance() {
        guard let byte = peek else { return }
        at += 1
        line += byte == 0x0A ? 1 : 0
        // Continuation bytes of UTF-8 are no columns of their own.
        column = byte == 0x0A ? 1 : column + (byte & 0xC0 == 0x80 ? 0 : 1)
    }

    private func problem(_ message: String, at place: TextPosition? = nil) -> ProfileError {
        ProfileError(diagnostics: [
            Diagnostic(file: file, position: place ?? position, message: message)
        ])
    }
}
