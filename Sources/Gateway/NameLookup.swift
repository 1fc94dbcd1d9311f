internal import Glibc
internal import Linux
package import Model

/// Answers for a name that a request has already been permitted for.
///
/// May block: it is called on a thread that serves nothing else.
package protocol NameLookup: Sendable {
    /// All addresses of the name in the order to try them. Throws when there are none.
    func addresses(of name: DNSName) throws(LookupFailure) -> [IPAddress]
}

/// A name could not be resolved.
package struct LookupFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String
    /// Whom the name was asked of, for the operator; nil where nobody was.
    package let asked: String?

    package init(_ message: String, asked: String? = nil) {
        (self.message, self.asked) = (message, asked)
    }

    package var description: String { message }
}

/// Whom the system's resolver asks, for who reads why it had no answer.
enum NameServers {
    /// Servers that are told: resolv.conf(5) has three (MAXNS).
    private static let maximum = 3
    /// Octets of the file that are read: a handful of lines.
    private static let maximumFile = 16 << 10

    /// `10.0.0.2, 10.0.0.3, of /etc/resolv.conf`.
    static var words: String {
        let path = "/etc/resolv.conf"
        let text = ReadFile.bytes(at: path, limit: maximumFile).map { String(decoding: $0, as: UTF8.self) }
        let servers = (text ?? "").cut(at: "\n").compactMap { line -> String? in
            let words = line.utf8.split { $0 == 0x20 || $0 == 0x09 }
            guard words.count > 1, words[0].elementsEqual("nameserver".utf8) else { return nil }
            return IPAddress(String(decoding: words[1], as: UTF8.self)).map { "\($0)" }
        }
        return servers.isEmpty
            ? "none is named in \(path)" : servers.prefix(maximum).joined(separator: ", ") + ", of \(path)"
    }
}

/// The system's resolver: getaddrinfo(3), with whatever nsswitch.conf says.
package struct SystemNames: NameLookup {
    package init() {}

    package func addresses(of name: DNSName) throws(LookupFailure) -> [IPAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        // The trailing dot keeps search domains out: what was decided on is what is looked up.
        let code = unsafe getaddrinfo(name.text + ".", nil, &hints, &list)
        guard code == 0 else {
            throw LookupFailure(
                "\(name) could not be resolved: \(unsafe String(cString: gai_strerror(code)))",
                asked: NameServers.words
            )
        }
        defer { unsafe freeaddrinfo(list) }
        var found: [IPAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let address = unsafe Self.address(entry.pointee), !found.contains(address) {
                found.append(address)
            }
            unsafe next = entry.pointee.ai_next
        }
        guard !found.isEmpty else { throw LookupFailure("\(name) has no address", asked: NameServers.words) }
        return found
    }

    private static func address(_ entry: addrinfo) -> IPAddress? {
        guard let raw = unsafe UnsafeRawPointer(entry.ai_addr) else { return nil }
        switch unsafe entry.ai_family {
        case AF_INET:
            // sockaddr_in: family 2, port 2, then 4 bytes of address.
            return unsafe IPAddress(bytes: UnsafeRawBufferPointer(start: raw + 4, count: 4))
        case AF_INET6:
            // sockaddr_in6: family 2, port 2, flow 4, then 16 bytes of address.
            return unsafe IPAddress(bytes: UnsafeRawBufferPointer(start: raw + 8, count: 16))
        default:
            return nil
        }
    }
}
