internal import Model

/// One JSON document (RFC 8259) as whoever signed it and whoever reads it must both take it: no member twice, no lone
/// surrogate, nothing behind it, bounded in depth and in number.
///
/// A parser that keeps the last of two members would verify another claim than the next reader finds.
enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// As it is written.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([JSONMember])

    /// Containers within each other; tokens of issuers in use have five at most.
    static let maximumDepth = 32
    /// Values of a document: a token with 256 groups, a key set with a hundred keys.
    static let maximumCount = 4_096

    init(_ octets: some Collection<UInt8>) throws(JSONFault) {
        var reader = JSONReader(bytes: Array(octets))
        self = try reader.document()
    }

    /// The member of an object; nil for what is none.
    subscript(_ name: some StringProtocol) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name.isSame(as: name) }?.value
    }

    /// The claim of a name, or, where that begins with a slash, what stands at a pointer (RFC 6901) through objects.
    func claim(_ name: String) -> JSONValue? {
        guard name.begins(with: "/") else { return self[name] }
        return name.dropFirst(bytes: 1).cut(at: "/", omittingEmptySubsequences: false)
            .reduce(Optional(self)) { value, part in value?[part] }
    }

    var text: String? { if case .string(let text) = self { text } else { nil } }

    /// A whole number, as they are counted with.
    var index: Int? { if case .number(let text) = self { Int(text) } else { nil } }

    var items: [JSONValue]? { if case .array(let items) = self { items } else { nil } }

    var isObject: Bool { if case .object = self { true } else { false } }
}

/// One member of an object.
struct JSONMember: Sendable, Hashable {
    let name: String
    let value: JSONValue
}

/// What is wrong with a document; holds nothing of it.
struct JSONFault: Error, Sendable, Hashable {
    let reason: String

    static let notJSON = JSONFault(reason: "it is not JSON")
    static let duplicate = JSONFault(reason: "a member is there twice")
    static let tooDeep = JSONFault(reason: "it is nested deeper than \(JSONValue.maximumDepth) levels")
    static let tooMany = JSONFault(reason: "it has more than \(JSONValue.maximumCount) values")
}

/// One pass over the octets.
private struct JSONReader {
    let bytes: [UInt8]
    private var at = 0
    private var count = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JSONFault) -> JSONValue {
        let value = try value(depth: 0)
        skipBlanks()
        guard at == bytes.count else { throw .notJSON }
        return value
    }

    private mutating func value(depth: Int) throws(JSONFault) -> JSONValue {
        skipBlanks()
        count += 1
        guard count <= JSONValue.maximumCount else { throw .tooMany }
        guard depth <= JSONValue.maximumDepth else { throw .tooDeep }
        switch peek {
        case UInt8(ascii: "{"): return .object(try members(depth: depth))
        case UInt8(ascii: "["): return .array(try items(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number(try number())
        }
    }

    private mutating func members(depth: Int) throws(JSONFault) -> [JSONMember] {
        var (members, names) = ([JSONMember](), Set<ByteText>())
        at += 1
        skipBlanks()
        guard !take(UInt8(ascii: "}")) else { return members }
        repeat {
            skipBlanks()
            guard peek == UInt8(ascii: "\"") else { throw .notJSON }
            let name = try string()
            guard names.insert(ByteText(name)).inserted else { throw .duplicate }
            skipBlanks()
            guard take(UInt8(ascii: ":")) else { throw .notJSON }
            members.append(JSONMember(name: name, value: try value(depth: depth + 1)))
            skipBlanks()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw .notJSON }
        return members
    }

    private mutating func items(depth: Int) throws(JSONFault) -> [JSONValue] {
        var items: [JSONValue] = []
        at += 1
        skipBlanks()
        guard !take(UInt8(ascii: "]")) else { return items }
        repeat {
            items.append(try value(depth: depth + 1))
            skipBlanks()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw .notJSON }
        return items
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(JSONFault) -> JSONValue {
        guard bytes[at...].starts(with: word.utf8) else { throw .notJSON }
        at += word.utf8.count
        return value
    }

    /// RFC 8259 section 6.
    private mutating func number() throws(JSONFault) -> String {
        let start = at
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        if take(UInt8(ascii: ".")) { try digits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        return String(decoding: bytes[start..<at], as: UTF8.self)
    }

    private mutating func digits() throws(JSONFault) {
        let start = at
        while let byte = peek, (0x30...0x39).contains(byte) { at += 1 }
        guard at > start else { throw .notJSON }
    }

    private mutating func string() throws(JSONFault) -> String {
        at += 1
        var octets: [UInt8] = []
        while let byte = peek, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw .notJSON }
            at += 1
            if byte == UInt8(ascii: "\\") {
                octets += String(Character(try escape())).utf8
            } else {
                octets.append(byte)
            }
        }
        guard take(UInt8(ascii: "\"")), let text = String(validating: octets, as: UTF8.self) else {
            throw .notJSON
        }
        return text
    }

    /// Section 7, behind the backslash.
    private mutating func escape() throws(JSONFault) -> Unicode.Scalar {
        guard let byte = peek else { throw .notJSON }
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicode()
        default: throw .notJSON
        }
    }

    private mutating func unicode() throws(JSONFault) -> Unicode.Scalar {
        let first = try unit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard (0xD800...0xDBFF).contains(first), take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
            throw .notJSON
        }
        let second = try unit()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw .notJSON }
        return scalar
    }

    private mutating func unit() throws(JSONFault) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = peek.flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }) else {
                throw .notJSON
            }
            value = value << 4 | UInt32(digit)
            at += 1
        }
        return value
    }

    private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        at += 1
        return true
    }

    private mutating func skipBlanks() {
        while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { at += 1 }
    }
}
