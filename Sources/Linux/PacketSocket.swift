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
        var descriptors = [Int32](repeating: -1, count: Self.maximumDescriptors)
        let wanted = Int32(min(maximumDescriptors, Self.maximumDescriptors))
        var count = wanted
        let flags = Int32(MSG_CMSG_CLOEXEC) | (waiting ? 0 : Int32(MSG_DONTWAIT))
        var received = 0
        // Not cleared first: most packets are a small part of the longest.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: maximumBytes) { data, size in
            unsafe received = csb_receive(socket, data.baseAddress, maximumBytes, &descriptors, &count, flags)
            if received == -Int(ECONNRESET) {
                // A peer that closed with something unread is reported before its last words, which are still there.
                count = wanted
                unsafe received =
                    csb_receive(socket, data.baseAddress, maximumBytes, &descriptors, &count, flags)
            }
            size = max(received, 0)
        }
        guard received >= 0 else {
            let number = Int32(-received)
            if number == EAGAIN || number == EINTR { return nil }
            if number == ECONNRESET { return Packet(bytes: [], descriptors: []) }
            throw SystemCallError(stage: "recvmsg", object: "packet socket", errno: number)
        }
        return Packet(bytes: bytes, descriptors: Array(descriptors.prefix(Int(count))))
    }

    /// Takes a waiting connection; nil when there is none any more.
    package static func accept(on listener: Int32) -> OwnedDescriptor? {
        let raw = csb_accept(listener)
        return raw >= 0 ? OwnedDescriptor(raw) : nil
    }
}

extension PacketSocket {
    /// Seconds for which a listener whose queue is full is waited for: three times what `bailey ps` waits for its answer, since
    /// a supervisor may be launching a burst of agents.
    package static let patience = 15

    /// Octets of a path that a socket may have, with the 0 behind it one less than `sun_path` (unix(7)).
    package static let longestPath = 107

    /// Connects to a socket by its path; EAGAIN when its listener takes nobody within `patience` seconds, or at once for 0.
    package static func connect(
        to path: String,
        patience seconds: Int = patience
    ) throws(SystemCallError) -> OwnedDescriptor {
        let socket = try made(for: path)
        // SO_SNDTIMEO bounds connect(2) as well, where 0 would be without end (socket(7)).
        var patience = timeval(tv_sec: seconds, tv_usec: seconds > 0 ? 0 : 1)
        let size = socklen_t(MemoryLayout<timeval>.size)
        guard unsafe setsockopt(socket.rawValue, SOL_SOCKET, SO_SNDTIMEO, &patience, size) == 0 else {
            throw SystemCallError(stage: "setsockopt(SO_SNDTIMEO)", object: path, errno: errno)
        }
        unsafe try address(path) { unsafe Glibc.connect(socket.rawValue, $0, $1) }.check("connect", path)
        return socket
    }

    /// Makes a listening socket at a path; its mode is 0600, or 0660 of a group, of which nobody sends descriptors then, and
    /// accepting from it never waits.
    ///
    /// It is made under another name and put at its own, in place of what is there, when it listens: whoever connects
    /// is heard. Hold a lock against a second maker.
    package static func listen(
        at path: String,
        group: UInt32? = nil,
        backlog: Int32
    ) throws(SystemCallError) -> OwnedDescriptor {
        let unready = path + ".new"
        let socket = try made(for: unready)
        // The mode of the socket's file is what fchmod(2) says before bind(2) (unix(7)).
        guard fchmod(socket.rawValue, 0o600) == 0, fcntl(socket.rawValue, F_SETFL, O_NONBLOCK) == 0 else {
            throw SystemCallError(stage: "fchmod", object: unready, errno: errno)
        }
        // Accepted connections have it from their listener.
        if group != nil { refuseDescriptors(on: socket.rawValue) }
        unsafe _ = unlink(unready)
        unsafe try address(unready) { unsafe Glibc.bind(socket.rawValue, $0, $1) }.check("bind", unready)
        if let group {
            // Whose it is before what they may: nobody else's group is let in for a moment.
            guard unsafe lchown(unready, uid_t.max, group) == 0, unsafe chmod(unready, 0o660) == 0 else {
                let code = errno
                unsafe _ = unlink(unready)
                throw SystemCallError(stage: "chown to group \(group)", object: path, errno: code)
            }
        }
        guard Glibc.listen(socket.rawValue, backlog) == 0 else {
            throw SystemCallError(stage: "listen", object: unready, errno: errno)
        }
        guard unsafe rename(unready, path) == 0 else {
            throw SystemCallError(stage: "rename", object: path, errno: errno)
        }
        return socket
    }

    /// SO_PASSRIGHTS, Linux 6.16 (asm-generic/socket.h), which glibc's headers do not have.
    private static let rightsOption: Int32 = 83

    /// Has the kernel refuse whoever sends descriptors; before Linux 6.16 they are queued, see `closeToStranger`.
    private static func refuseDescriptors(on socket: Int32) {
        var off: Int32 = 0
        let size = socklen_t(MemoryLayout<Int32>.size)
        unsafe _ = setsockopt(socket, SOL_SOCKET, rightsOption, &off, size)
    }

    /// Sends one datagram to a path, or to an abstract name behind `@`; whoever does not listen misses it.
    package static func tell(_ text: String, at path: String) {
        guard let socket = try? made(for: path, SOCK_DGRAM) else { return }
        unsafe _ = address(path) { address, size in
            unsafe sendto(socket.rawValue, text, text.utf8.count, Int32(MSG_NOSIGNAL), address, size) < 0
                ? -1 : 0
        }
    }

    private static func made(
        for path: String,
        _ type: __socket_type = SOCK_SEQPACKET
    ) throws(SystemCallError) -> OwnedDescriptor {
        let kind = Int32(type.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = OwnedDescriptor(Glibc.socket(AF_UNIX, kind, 0))
        guard socket.rawValue >= 0 else { throw SystemCallError(stage: "socket", object: path, errno: errno) }
        return socket
    }

    /// What a call said, and errno when it failed.
    private struct Answer {
        let status: Int32
        let code: Int32

        func check(_ stage: String, _ path: String) throws(SystemCallError) {
            guard status == 0 else { throw SystemCallError(stage: stage, object: path, errno: code) }
        }
    }

    private static func address(
        _ path: String,
        _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Answer {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room else { return Answer(status: -1, code: ENAMETOOLONG) }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            for (index, byte) in path.utf8.enumerated() { unsafe bytes[index] = byte }
            if path.hasPrefix("@") { unsafe bytes[0] = 0 }
        }
        // An abstract name is as long as it is said to be (unix(7)).
        let length = path.hasPrefix("@") ? path.utf8.count : room
        let size = socklen_t(MemoryLayout<sockaddr_un>.size - room + length)
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe call(generic, size)
            }
        }
        return Answer(status: status, code: status == 0 ? 0 : errno)
    }

    /// Whether the other end is this user's and outside of every agent: an agent of this user's has the same id outside,
    /// but never the same user namespace.
    package static func isUsers(_ socket: Int32) -> Bool {
        guard let peer = peer(of: socket), peer.user == geteuid(),
            let own = PathText.target(of: "/proc/self/ns/user")
        else { return false }
        return PathText.target(of: "/proc/\(peer.process)/ns/user") == own
    }

    /// User and process id of who connected, or listened (SO_PEERCRED); nil when the kernel does not say.
    package static func peer(of socket: Int32) -> (user: UInt32, process: Int32)? {
        var (user, process): (uid_t, pid_t) = (0, 0)
        return unsafe csb_peer(socket, &user, &process) == 0 ? (user, process) : nil
    }
}
