package import Wire

/// Tells whether a prefix of a connection opens with an HTTP/1.x request line.
package enum HTTPClassifier {
    /// Octets that settle the question: the longest method, and a space.
    package static let needed = HTTPLimits.method + 1

    /// Whether a prefix opens HTTP/2 without asking (RFC 9113 section 3.4), which has a word of its own here.
    package static func isPreface(_ prefix: some Collection<UInt8>) -> Bool {
        prefix.starts(with: "PRI ".utf8)
    }

    /// Reads a method token of upper-case letters, a space and the first octet of a target.
    ///
    /// The preface of HTTP/2 (RFC 9113 section 3.4) is no match: it is not spoken here.
    package static func classify(_ prefix: some Collection<UInt8>) -> Classification {
        var method: [UInt8] = []
        for byte in prefix.prefix(needed) {
            switch byte {
            case UInt8(ascii: " "):
                let text = String(decoding: method, as: Unicode.UTF8.self)
                return method.isEmpty || text == "PRI" ? .noMatch : .match
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"):
                method.append(byte)
            default:
                return .noMatch
            }
        }
        return method.count >= needed ? .noMatch : .needsMore(atMost: needed - method.count)
    }
}
