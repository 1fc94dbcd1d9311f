/// Where a document is got from: an https URL without user, fragment or anything that readers could take differently.
package struct WebAddress: Sendable, Hashable, CustomStringConvertible {
    package let endpoint: Endpoint
    /// Path and query.
    package let target: String

    /// Octets of one: more than any server takes as a request's target (RFC 9110 section 4.1 asks for 8000).
    package static let maximumLength = 8_000

    package init(endpoint: Endpoint, target: String) {
        (self.endpoint, self.target) = (endpoint, target)
    }

    /// Nil for what is none.
    package init?(_ text: String) {
        self.init(text, .https)
    }

    /// The same, or one with `http://` on this machine's own loopback, where nobody else reads along.
    package init?(orOnLoopback text: String) {
        guard text.begins(with: "http://") else {
            self.init(text, .https)
            return
        }
        self.init(text, .http)
        guard endpoint.host.isLoopback else { return nil }
    }

    private init?(_ text: String, _ scheme: Scheme) {
        let beginning = "\(scheme.rawValue)://"
        guard text.utf8.count <= Self.maximumLength, text.begins(with: beginning) else { return nil }
        let rest = text.dropFirst(bytes: beginning.utf8.count)
        let end = rest.unicodeScalars.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let target = rest[end...]
        guard target.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }),
            let (host, port) = Self.authority(rest[..<end], scheme)
        else { return nil }
        endpoint = Endpoint(scheme: scheme, host: host, port: port)
        self.target = target.utf8.first == UInt8(ascii: "/") ? String(target) : "/\(target)"
    }

    /// A name or an IPv4 address with a port, or an IPv6 address in brackets.
    private static func authority(_ text: Substring, _ scheme: Scheme) -> (Host, UInt16)? {
        var (name, port) = (text, scheme.defaultPort ?? 443)
        let isBracketed = text.utf8.first == UInt8(ascii: "[")
        let colon = text.lastPlace(of: ":").flatMap { place in
            isBracketed && text[place...].holds("]") ? nil : place
        }
        if let colon {
            let digits = text.rest(behind: colon)
            guard let number = UInt16(digits), number > 0,
                digits.utf8.allSatisfy({ (0x30...0x39).contains($0) })
            else { return nil }
            (name, port) = (text[..<colon], number)
        }
        if isBracketed {
            guard name.ends(with: "]"),
                let address = IPAddress(String(name.dropFirst(bytes: 1).dropLast(bytes: 1))),
                address.family == .v6
            else { return nil }
            return (.address(address), port)
        }
        if let address = IPAddress(String(name)) {
            return address.family == .v4 ? (.address(address), port) : nil
        }
        return DNSName(name).map { (.name($0), port) }
    }

    /// Another path on the same server: behind this one's, without a slash at its end, and without a query.
    package func appending(path: String) -> WebAddress? {
        guard !target.holds("?") else { return nil }
        let base = target.ends(with: "/") ? String(target.dropLast(bytes: 1)) : target
        return WebAddress(endpoint: endpoint, target: base + path)
    }

    package var description: String { "\(endpoint)\(target)" }
}

/// Asks for a document that is the operator's own business, which no agent's policy has a say in.
///
/// Has no description: it may hold a secret.
package struct DocumentQuery: Sendable, CustomStringConvertible, CustomReflectable {
    package let address: WebAddress
    /// The Authorization field; nil for none.
    package let authorization: String?
    /// Milliseconds for the whole answer.
    package let timeout: Int64

    package init(_ address: WebAddress, authorization: String? = nil, timeout: Int64) {
        (self.address, self.authorization, self.timeout) = (address, authorization, timeout)
    }

    package var description: String { "DocumentQuery(\(address.endpoint))" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Gets documents over verified TLS.
package protocol DocumentTransport: Sendable {
    /// Gets one, chain and name verified, and gives the answer. Follows no redirect.
    ///
    /// Blocks for a bounded time; never called on an event loop.
    func get(_ query: DocumentQuery) throws(DocumentFailure) -> FormReply
}

/// A document could not be had.
package struct DocumentFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) {
        self.message = message
    }

    package var description: String { message }
}
