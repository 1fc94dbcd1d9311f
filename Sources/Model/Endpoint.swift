/// A protocol that the gateway speaks, as written before `://` in a profile.
package enum Scheme: String, Sendable, Hashable, Codable, CaseIterable {
    case http
    case https
    /// Forwarded without interception after the server name is checked.
    case tls
    /// Opaque; the last resort.
    case tcp
    case postgres

    /// The port meant when a pattern names none; nil where there is no default.
    package var defaultPort: UInt16? {
        switch self {
        case .http: 80
        case .https, .tls: 443
        case .tcp: nil
        case .postgres: 5432
        }
    }
}

/// A DNS name in the one form that is compared: lower-case A-labels, no trailing dot.
package struct DNSName: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    /// Octets of a name without its trailing dot (RFC 1035 section 2.3.4: 255 on the wire).
    package static let maximumLength = 253
    /// Octets of a label (RFC 1035 section 2.3.4).
    package static let maximumLabelLength = 63

    /// Normalises case and one trailing dot; nil unless every label is 1–63 of `[a-z0-9_-]` and the last
    /// label is not all digits (such a name could be read as an address).
    package init?(_ raw: some StringProtocol) {
        var octets: [UInt8] = []
        octets.reserveCapacity(raw.utf8.count)
        for byte in raw.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): octets.append(byte | 0x20)
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                octets.append(byte)
            default: return nil
            }
        }
        if octets.last == UInt8(ascii: ".") { octets.removeLast() }
        let text = String(decoding: octets, as: UTF8.self)
        guard !text.isEmpty, text.utf8.count <= Self.maximumLength else { return nil }
        let labels = text.cut(at: ".", omittingEmptySubsequences: false)
        guard labels.allSatisfy({ !$0.isEmpty && $0.utf8.count <= Self.maximumLabelLength }) else {
            return nil
        }
        guard let last = labels.last, !last.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        // 0x7f000001 and the like are addresses to inet_aton(3).
        guard !last.begins(with: "0x") else { return nil }
        self.text = text
    }

    /// The labels, leftmost first.
    package var labels: [Substring] { text.cut(at: ".") }

    /// Octets of what stands in front of `.SUFFIX`; nil unless this name lies below `suffix`.
    ///
    /// The apex does not lie below itself, nor does `notexample.com` below `example.com`.
    package func prefixLength(above suffix: DNSName) -> Int? {
        let length = text.utf8.count - suffix.text.utf8.count - 1
        guard length > 0 else { return nil }
        let rest = text.utf8.dropFirst(length)
        guard rest.first == UInt8(ascii: "."), rest.dropFirst().elementsEqual(suffix.text.utf8) else {
            return nil
        }
        return length
    }

    package var description: String { text }
}

/// What a request is addressed to, before any resolution.
package enum Host: Sendable, Hashable, CustomStringConvertible {
    case name(DNSName)
    case address(IPAddress)

    package var description: String {
        switch self {
        case .name(let name): name.text
        case .address(let address): address.description
        }
    }
}

/// Scheme, host and port: what a rule's `to` is matched against.
package struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    package let scheme: Scheme
    package let host: Host
    package let port: UInt16

    package init(scheme: Scheme, host: Host, port: UInt16) {
        self.scheme = scheme
        self.host = host
        self.port = port
    }

    /// `https://api.example.com`, `http://10.0.0.1:8080`, `tcp://[::1]:22`; the scheme's default port is left out.
    package var description: String {
        let name =
            switch host {
            case .address(let address) where address.family == .v6: "[\(address)]"
            default: host.description
            }
        return port == scheme.defaultPort
            ? "\(scheme.rawValue)://\(name)" : "\(scheme.rawValue)://\(name):\(port)"
    }
}
