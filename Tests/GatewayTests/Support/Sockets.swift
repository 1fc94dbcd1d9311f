import Foundation
import Glibc
import Synchronization

/// Plain sockets for tests.
enum Sockets {
    /// A dual-stack TCP listener on a port of the kernel's choice.
    static func listener() throws -> (descriptor: Int32, port: UInt16) {
        let made = try bound(Int32(SOCK_STREAM.rawValue))
        guard listen(made.descriptor, 64) == 0 else { throw POSIXError(.EINVAL) }
        return made
    }

    /// A dual-stack UDP socket on a port of the kernel's choice.
    static func datagram() throws -> (descriptor: Int32, port: UInt16) {
        try bound(Int32(SOCK_DGRAM.rawValue))
    }

    /// Below those that the kernel chooses from (`ip_local_port_range`, 32768 to 60999), and above those of the end-to-end
    /// tests: between the moment that one is found free and a server's bind(2) no other test's listener gets it by chance.
    private static let servers: Range<UInt16> = 30_001..<32_768
    /// Two test processes of one machine begin in different places.
    private static let next = Mutex(servers.lowerBound + UInt16(getpid() % 25) * 100)

    /// A port that nobody has, and that is given to nobody else.
    static func freePort() throws -> UInt16 {
        for _ in servers {
            let port = next.withLock { next in
                defer { next = next + 1 < servers.upperBound ? next + 1 : servers.lowerBound }
                return next
            }
            guard let made = try? bound(Int32(SOCK_STREAM.rawValue), port: port) else { continue }
            close(made.descriptor)
            return port
        }
        throw POSIXError(.EADDRINUSE)
    }

    /// The cookie of the namespace that this process is in (`SO_NETNS_COOKIE`, 71 in asm-generic/socket.h).
    static func namespaceCookie() throws -> UInt64 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var cookie: UInt64 = 0
        var length = socklen_t(8)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, 71, &cookie, &length) == 0 else {
            throw POSIXError(.EINVAL)
        }
        return cookie
    }

    /// A dual-stack listener that takes connections to any address (`IP_TRANSPARENT` 19, `IPV6_TRANSPARENT` 75 of
    /// linux/in.h and linux/in6.h).
    static func transparentListener(port: UInt16) throws -> Int32 {
        let made = try bound(Int32(SOCK_STREAM.rawValue), port: port) { descriptor in
            var on: Int32 = 1
            unsafe setsockopt(descriptor, Int32(IPPROTO_IP), 19, &on, 4)
            unsafe setsockopt(descriptor, Int32(IPPROTO_IPV6), 75, &on, 4)
        }
        guard listen(made.descriptor, 64) == 0 else { throw POSIXError(.EINVAL) }
        return made.descriptor
    }

    /// A dual-stack UDP socket that may answer from any address (`IPV6_FREEBIND`, 78 of linux/in6.h).
    static func freeDatagram(port: UInt16) throws -> Int32 {
        try bound(Int32(SOCK_DGRAM.rawValue), port: port) { descriptor in
            var on: Int32 = 1
            unsafe setsockopt(descriptor, Int32(IPPROTO_IPV6), 78, &on, 4)
        }.descriptor
    }

    private static func bound(
        _ type: Int32,
        port wanted: UInt16 = 0,
        prepare: (Int32) -> Void = { _ in }
    ) throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET6, type | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw POSIXError(.EMFILE) }
        var off: Int32 = 0
        unsafe setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &off, 4)
        prepare(descriptor)
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = wanted.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let port = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic -> UInt16? in
                guard unsafe bind(descriptor, generic, length) == 0,
                    unsafe getsockname(descriptor, generic, &length) == 0
                else { return nil }
                return unsafe UInt16(bigEndian: pointer.pointee.sin6_port)
            }
        }
        guard let port else {
            close(descriptor)
            throw POSIXError(.EADDRINUSE)
        }
        return (descriptor, port)
    }
}

/// A raw client: connects to a port on loopback, writes, reads with a bound on time.
final class RawClient {
    private let descriptor: Int32

    /// `host` is an IPv4 address on loopback.
    init(
        port: UInt16,
        type: Int32 = Int32(SOCK_STREAM.rawValue),
        seconds: Int = 60,
        host: UInt32 = 0x7F00_0001
    ) throws {
        descriptor = socket(AF_INET, type | Int32(SOCK_CLOEXEC.rawValue), 0)
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = host.bigEndian
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw POSIXError(.ECONNREFUSED) }
    }

    deinit { close(descriptor) }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Ends with a reset, whatever was sent or is still to be read.
    func abort() {
        var now = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    func endOutput() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// One read; empty at the end, nil on a reset or when nothing came in time.
    func receive() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = read(into: &buffer)
        return count < 0 ? nil : Array(buffer.prefix(count))
    }

    /// As read(2), which a signal to another test's thread may interrupt: with a time limit none is begun again (signal(7)).
    private func read(into buffer: inout [UInt8]) -> Int {
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            guard count < 0, errno == EINTR else { return count }
        }
    }

    /// How a connection ended, or what came instead.
    enum End: Equatable {
        case closed, reset, octets
        /// By errno(3); EAGAIN where nothing came in time.
        case failed(Int32)
    }

    /// Waits for the other side's end.
    func end() -> End {
        var byte: [UInt8] = [0]
        let count = read(into: &byte)
        guard count < 0 else { return count == 0 ? .closed : .octets }
        return errno == ECONNRESET ? .reset : .failed(errno)
    }

    /// Everything until the end or a reset, as text; stops early once `marker` has come.
    func text(until marker: String? = nil) -> String {
        var all = ""
        while let part = receive(), !part.isEmpty {
            all += String(decoding: part, as: UTF8.self)
            if let marker, all.contains(marker) { break }
        }
        return all
    }
}
