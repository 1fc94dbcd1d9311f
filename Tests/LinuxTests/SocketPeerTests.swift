import Glibc
import Linux
import Testing

/// Who is at the other end.
@Suite("Peers of sockets")
struct SocketPeerTests {
    @Test("This process is itself at the other end, with its groups")
    func own() throws {
        let pair = try PacketSocket.pair()
        let peer = try #require(SocketPeer(of: pair.first.rawValue))
        #expect(peer.user == geteuid() && peer.process == getpid())
        let count = getgroups(0, nil)
        var further = [gid_t](repeating: 0, count: Int(max(count, 0)))
        try #require(getgroups(count, &further) == count)
        // What has no number here is left out.
        #expect(peer.groups.subtracting(Set(further + [getegid()])).isEmpty)
        #expect(peer.groups.contains(getegid()) || getegid() == 65_534)
    }

    @Test(
        "A process that lives, in the namespaces of this one, is outside of every agent",
        .enabled(if: SocketPeer.isFollowed, "needs Linux 6.5 (SO_PEERPIDFD)")
    )
    func outside() throws {
        let pair = try PacketSocket.pair()
        let peer = try #require(SocketPeer(of: pair.first.rawValue))
        #expect(SocketPeer.isOutside(peer, of: pair.first.rawValue))
    }

    @Test("A socket that is none of the UNIX domain has nobody at its other end")
    func none() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        #expect(SocketPeer(of: descriptor) == nil && SocketPeer(of: -1) == nil)
    }
}
