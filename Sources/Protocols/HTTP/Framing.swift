import Model
import NIOHTTP1

/// How a message says where its body ends (RFC 9112 section 6), when it says so in exactly one way.
enum Framing: Hashable {
    /// Neither length nor encoding: no body in a request, until the end of the connection in a response.
    case none
    case length(UInt64)
    case chunked

    /// Nil-free and strict: two ways, a list, a sign, a repeated field or another coding is a fault, whatever
    /// a lenient reader would make of it.
    init(_ headers: HTTPHeaders, isHTTP11: Bool) throws(HTTPFault) {
        let lengths = headers["content-length"]
        let codings = headers["transfer-encoding"]
        guard lengths.isEmpty || codings.isEmpty else {
            throw .malformed("the message has both Content-Length and Transfer-Encoding")
        }
        guard lengths.count <= 1, codings.count <= 1 else {
            throw .malformed("Content-Length or Transfer-Encoding is repeated")
        }
        if let length = lengths.first {
            self = .length(try Self.length(length))
        } else if let coding = codings.first {
            guard coding == "chunked" || Octets.lowercased(coding) == "chunked" else {
                throw .malformed("Transfer-Encoding is not exactly chunked")
            }
            guard isHTTP11 else { throw .malformed("Transfer-Encoding in an HTTP/1.0 message") }
            self = .chunked
        } else {
            self = .none
        }
    }

    private static func length(_ text: String) throws(HTTPFault) -> UInt64 {
        guard !text.isEmpty, text.utf8.count <= HTTPLimits.contentLengthDigits,
            text.utf8.allSatisfy(Octets.isDigit), let value = UInt64(text), value <= UInt64(Int64.max)
        else { throw .malformed("Content-Length is not one decimal number") }
        return value
    }

    /// Octets of a request's body; nil where that is not known before its end.
    var octets: UInt64? {
        switch self {
        case .none: 0
        case .length(let count): count
        case .chunked: nil
        }
    }

    /// Replaces whatever framing fields there are by the one that this is.
    func write(to headers: inout HTTPHeaders) {
        headers.remove(name: "content-length")
        headers.remove(name: "transfer-encoding")
        switch self {
        case .none: break
        case .length(let count): headers.add(name: "content-length", value: String(count))
        case .chunked: headers.add(name: "transfer-encoding", value: "chunked")
        }
    }
}

/// Counts a body against its declared length: one octet too many would be read as the next message.
struct BodyCount: Sendable {
    /// Nil without a declared length.
    private var left: UInt64?

    init(_ framing: Framing) {
        left = if case .length(let count) = framing { count } else { nil }
    }

    /// False when there are more octets than declared.
    mutating func take(_ octets: Int) -> Bool {
        guard let left else { return true }
        guard let octets = UInt64(exactly: octets), octets <= left else { return false }
        self.left = left - octets
        return true
    }

    /// Whether all of a declared length has come.
    var isAll: Bool { left == 0 }

    /// Whether the body may end here.
    var isComplete: Bool { (left ?? 0) == 0 }
}
