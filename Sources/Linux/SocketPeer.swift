internal import Glibc

/// Who is at the other end of a UNIX socket, as the kernel has it from the moment of the connection (unix(7)).
package struct SocketPeer: Sendable, Hashable {
    package let user: UInt32
    /// Its own group and the further ones, by their numbers.
    package let groups: Set<UInt32>
    package let process: Int32

    /// Groups that one process may be in (NGROUPS_MAX, credentials(7)).
    private static let maximumGroups = 65_536
    /// SO_PEERGROUPS, Linux 4.13 (asm-generic/socket.h), which glibc's headers do not have.
    private static let groupsOption: Int32 = 59
    /// Octets of a file of /proc: a process has not many of them, and not many lines in a map.
    private static let maximumText = 64 << 10

    /// Nil when the kernel does not say, or says a user or process that has no number here.
    package init?(of socket: Int32) {
        // struct ucred: process, user, group.
        var credentials: [UInt32] = [0, 0, 0]
        let expected = socklen_t(credentials.count * MemoryLayout<UInt32>.size)
        var size = expected
        guard unsafe getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0, size == expected,
            let further = Self.furtherGroups(of: socket)
        else { return nil }
        let (user, group) = (credentials[1], credentials[2])
        process = Int32(bitPattern: credentials[0])
        // What is not mapped here has the same number as all else that is not (user_namespaces(7)).
        guard process > 0, user == geteuid() || user != Self.overflow(of: "uid") else { return nil }
        self.user = user
        groups = further.union([group]).subtracting([Self.overflow(of: "gid")])
    }

    private static func furtherGroups(of socket: Int32) -> Set<UInt32>? {
        var room = 64
        while room <= maximumGroups {
            var groups = [UInt32](repeating: 0, count: room)
            var size = socklen_t(room * MemoryLayout<UInt32>.size)
            if unsafe getsockopt(socket, SOL_SOCKET, groupsOption, &groups, &size) == 0 {
                return Set(groups.prefix(Int(size) / MemoryLayout<UInt32>.size))
            }
            guard errno == ERANGE else { return nil }
            room *= 4
        }
        return nil
    }

    private static func overflow(of kind: String) -> UInt32 {
        let digits = octets(of: "/proc/sys/kernel/overflow\(kind)")?.prefix { $0 != UInt8(ascii: "\n") }
        return digits.flatMap { UInt32(String(decoding: $0, as: UTF8.self)) } ?? 65_534
    }

    /// Whether the process that connected lives still, in no other user or pid namespace than this one: outside of every agent of
    /// anybody's, and of every container.
    package static func isOutside(_ peer: SocketPeer, of socket: Int32) -> Bool {
        guard let process = try? PeerProcess(of: socket) else { return false }
        let finding = process.read { number in number == peer.process && Self.isOutside("\(number)") }
        return finding == true && process.isAlive
    }

    /// Whether this kernel says of a peer which process it is, and not a number alone: without that nobody is `isOutside`.
    package static var isFollowed: Bool {
        guard let pair = try? PacketSocket.pair() else { return false }
        return (try? PeerProcess(of: pair.first.rawValue)) != nil
    }

    private static func isOutside(_ process: String) -> Bool {
        // The kernel shows another user's namespaces to root alone (ptrace(2), access mode checks), and these to everybody.
        if let theirs = PathText.target(of: "/proc/\(process)/ns/user"),
            PathText.target(of: "/proc/self/ns/user") != theirs
        {
            return false
        }
        guard let map = octets(of: "/proc/self/uid_map"), octets(of: "/proc/\(process)/uid_map") == map,
            let status = octets(of: "/proc/\(process)/status")
        else { return false }
        // Its number in each pid namespace from this one on (proc_pid_status(5)).
        let line = status.split(separator: UInt8(ascii: "\n")).first { $0.starts(with: "NSpid:".utf8) }
        let words = line?.split { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }
        return words?.count == 2
    }

    private static func octets(of path: String) -> [UInt8]? {
        ReadFile.bytes(at: path, limit: maximumText)
    }
}
