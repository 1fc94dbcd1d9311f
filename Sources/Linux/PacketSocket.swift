internal import CSandbox
internal import Glibc

/// SOCK_SEQPACKET sockets of the UNIX domain: whole packets, with descriptors beside them (unix(7)).
package enum PacketSocket {
    /// One packet; without bytes, the peer has closed.
    ///
    /// Its descriptors belong to the receiver.
    package struct Packet: Sendable {
        package var bytes: [UInt8]
        package var descriptors: [Int32]
    }

    /// Descriptors in one packet that we ever send or accept; the kernel's own limit is 253 (SCM_MAX_FD).
    package static let maximumDescriptors = 16

    /// Two connected sockets.
    package struct Pair: ~Copyable {
        package var first: OwnedDescriptor
        package var second: OwnedDescriptor
    }

    package static func pair() throws(SystemCallError) -> Pair {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw SystemCallError(stage: "socketpair", object: "AF_UNIX SOCK_SEQPACKET", errno: errno)
        }
        return Pair(first: OwnedDescriptor(ends[0]), second: OwnedDescriptor(ends[1]))
    }

    /// Sends one packet without waiting; a full queue is EAGAIN, a peer that is gone EPIPE.
    package static func send(
        _ bytes: [UInt8],
        descriptors: [Int32] = [],
        on socket: Int32,
        waiting: Bool = false
    ) throws(SystemCallError) {
        guard descriptors.count <= maximumDescriptors else {
            throw SystemCallError(stage: "sendmsg", object: "\(descriptors.count) descriptors", errno: E2BIG)
        }
        let flags = Int32(MSG_NOSIGNAL) | (waiting ? 0 : Int32(MSG_DONTWAIT))
        let status = unsafe bytes.withUnsafeBytes { data in
            unsafe descriptors.withUnsafeBufferPointer { list in
                unsafe csb_send(
                    socket,
                    data.baseAddress,
                    data.count,
                    list.baseAddress,
                    Int32(list.count),
                    flags
                )
            }
        }
        guard status >= 0 else {
            throw SystemCallError(stage: "sendmsg", object: "packet socket", errno: Int32(-status))
        }
    }

    /// Takes one packet, nil when none is there and the call may not wait.
    ///
    /// A packet that is longer than
    /// `maximumBytes` or carries more than `maximumDescriptors` is an error (EMSGSIZE), never cut.
    package static func receive(
        on socket: Int32,
        maximumBytes: Int,
        maximumDescriptors: Int = 0,
        waiting: Bool = false
    ) throws(SystemCallError) -> Packet? {
        var bytes = [UInt8](repeating: 0, count: maximumBytes)
        var descriptors = [Int32](repeating: -1, count: Self.maximumDescriptors)
        var count = Int32(min(maximumDescriptors, Self.maximumDescriptors))
        let flags = Int32(MSG_CMSG_CLOEXEC) | (waiting ? 0 : Int32(MSG_DONTWAIT))
        let wanted = count
        var received = unsafe bytes.withUnsafeMutableBytes { data in
            unsafe csb_receive(socket, data.baseAddress, data.count, &descriptors, &count, flags)
        }
        if received == -Int(ECONNRESET) {
            // A peer that closed with something unread is reported before its last words, which are still there.
            count = wanted
            received = unsafe bytes.withUnsafeMutableBytes { data in
                unsafe csb_receive(socket, data.baseAddress, data.count, &descriptors, &count, flags)
            }
        }
        guard received >= 0 else {
            let number = Int32(-received)
            if number == EAGAIN || number == EINTR { return nil }
            if number == ECONNRESET { return Packet(bytes: [], descriptors: []) }
            throw SystemCallError(stage: "recvmsg", object: "packet socket", errno: number)
        }
        return Packet(
            bytes: Array(bytes.prefix(received)),
            descriptors: Array(descriptors.prefix(Int(count)))
        )
    }

    /// Takes a waiting connection; nil when there is none any more.
    package static func accept(on listener: Int32) -> OwnedDescriptor? {
        let raw = csb_accept(listener)
        return raw >= 0 ? OwnedDescriptor(raw) : nil
    }
}
