internal import Glibc
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

    package init(_ message: String) {
        self.message = message
    }

    package var description: String { message }
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
                "\(name) could not be resolved: \(unsafe String(cString: gai_strerror(code)))"
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
        guard !found.isEmpty else { throw LookupFailure("\(name) has no address") }
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
