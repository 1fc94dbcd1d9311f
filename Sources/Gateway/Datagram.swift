internal import Glibc
internal import Model
internal import NIOCore

/// Sends datagrams from a chosen source address, which NIO's datagram channel cannot.
enum Datagram {
    /// Octets of `struct in6_pktinfo` (RFC 3542 section 6): the address, and an interface index of 0 for any.
    private static let packetInfoSize = 20

    /// Sends without waiting; false when the kernel did not take it.
    @discardableResult
    static func send(
        _ bytes: [UInt8],
        on socket: Int32,
        from source: IPAddress,
        to target: SocketAddress
    ) -> Bool {
        guard let target = sockaddrV6(target) else { return false }
        var name = target
        var payload = bytes
        // struct cmsghdr (cmsg(3)): length (8), level (4), type (4), then data padded to 8.
        var control = [UInt8](repeating: 0, count: 16 + 24)
        put(UInt64(16 + packetInfoSize), into: &control, at: 0)
        put(UInt32(IPPROTO_IPV6), into: &control, at: 8)
        put(UInt32(ipv6PacketInfo), into: &control, at: 12)
        for (index, byte) in mapped(source).enumerated() { control[16 + index] = byte }
        let sent = unsafe name.withUnsafeMutableBytes { name in
            unsafe payload.withUnsafeMutableBytes { payload in
                unsafe control.withUnsafeMutableBytes { control in
                    var part = unsafe iovec(iov_base: payload.baseAddress, iov_len: payload.count)
                    return unsafe withUnsafeMutablePointer(to: &part) { part in
                        var message = unsafe msghdr()
                        unsafe message.msg_name = name.baseAddress
                        unsafe message.msg_namelen = socklen_t(name.count)
                        unsafe message.msg_iov = part
                        unsafe message.msg_iovlen = 1
                        unsafe message.msg_control = control.baseAddress
                        unsafe message.msg_controllen = control.count
                        return unsafe sendmsg(socket, &message, Int32(MSG_DONTWAIT))
                    }
                }
            }
        }
        return sent == bytes.count
    }

    /// `IPV6_PKTINFO` of ipv6(7), linux/in6.h; glibc hides it behind a feature macro.
    private static let ipv6PacketInfo: Int32 = 50

    private static func put<Value: FixedWidthInteger>(
        _ value: Value,
        into bytes: inout [UInt8],
        at start: Int
    ) {
        for offset in 0..<MemoryLayout<Value>.size {
            bytes[start + offset] = UInt8(truncatingIfNeeded: value >> Value(8 * offset))
        }
    }

    /// `struct sockaddr_in6`: family (2), port (2), flow (4), address (16), scope (4).
    private static func sockaddrV6(_ address: SocketAddress) -> [UInt8]? {
        guard let host = IPAddress(socket: address), let port = address.port.flatMap(UInt16.init(exactly:))
        else {
            return nil
        }
        var bytes = [UInt8](repeating: 0, count: 28)
        put(UInt16(AF_INET6), into: &bytes, at: 0)
        bytes[2] = UInt8(truncatingIfNeeded: port >> 8)
        bytes[3] = UInt8(truncatingIfNeeded: port)
        for (index, byte) in mapped(host).enumerated() { bytes[8 + index] = byte }
        return bytes
    }

    /// The 16 bytes of an address on a dual-stack socket.
    private static func mapped(_ address: IPAddress) -> [UInt8] {
        switch address.family {
        case .v6: address.bytes
        case .v4: [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + address.bytes
        }
    }
}
