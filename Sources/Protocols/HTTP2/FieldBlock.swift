import NIOHPACK
import NIOHTTP1

/// A field block as it came: its pseudo-header fields, each once, and the others in their order.
struct FieldBlock {
    private(set) var pseudo: [String: String] = [:]
    private(set) var fields: [(String, String)] = []

    /// Reads a block in which only these pseudo-header fields may stand.
    init(_ block: HPACKHeaders, allowing names: Set<String>) throws(HTTP2Fault) {
        fields.reserveCapacity(block.count)
        for (name, value, _) in block {
            if name.utf8.first == UInt8(ascii: ":") {
                try take(name, value, names)
            } else {
                try Self.check(name, value)
                fields.append((name, value))
            }
        }
    }

    private mutating func take(_ name: String, _ value: String, _ names: Set<String>) throws(HTTP2Fault) {
        guard fields.isEmpty else {
            throw HTTP2Fault("a pseudo-header field stands behind another field")
        }
        guard names.contains(name) else {
            throw HTTP2Fault("the message has a pseudo-header field that does not belong in it")
        }
        guard pseudo.updateValue(value, forKey: name) == nil else {
            throw HTTP2Fault("the pseudo-header field \(name) is repeated")
        }
    }

    /// RFC 9113 sections 8.2.1 and 8.2.2; what else a name and a value may hold is looked at with every message.
    private static func check(_ name: String, _ value: String) throws(HTTP2Fault) {
        guard !name.utf8.contains(where: { (0x41...0x5A).contains($0) }) else {
            throw HTTP2Fault("a field name has letters in upper case")
        }
        // The library writes no other names, and ends the process instead.
        guard name.utf8.allSatisfy({ $0 < 0x80 }) else {
            throw HTTP2Fault("a field name has octets that are not ASCII")
        }
        guard !ofConnection.contains(name) else {
            throw HTTP2Fault("the field \(name) belongs to a connection of HTTP/1.1")
        }
        guard name != "te" || value == "trailers" else {
            throw HTTP2Fault("the field te says something other than trailers")
        }
    }

    /// RFC 9113 section 8.2.2.
    static let ofConnection: Set<String> = [
        "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "http2-settings",
    ]

    /// The same block written: names in lower case, nothing that belongs to one connection.
    static func written(
        _ headers: HTTPHeaders,
        behind pseudo: [(String, String)],
        dropping other: Set<String> = []
    )
        -> HPACKHeaders
    {
        var block = HPACKHeaders(pseudo)
        block.reserveCapacity(pseudo.count + headers.count)
        for (name, value) in headers {
            let key = lowercased(name)
            guard !ofConnection.contains(key), !other.contains(key) else { continue }
            block.add(name: key, value: value, indexing: indexing(key))
        }
        return block
    }

    /// What is secret does not enter a table that others' guesses could be compared with (RFC 7541 section 7.1.3).
    private static func indexing(_ key: String) -> HPACKIndexing {
        secret.contains(key) ? .neverIndexed : .indexable
    }

    private static let secret: Set<String> = [
        "authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "private-token",
        "x-amz-security-token",
    ]

    private static func lowercased(_ name: String) -> String {
        guard name.utf8.contains(where: { (0x41...0x5A).contains($0) }) else { return name }
        return String(decoding: name.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
