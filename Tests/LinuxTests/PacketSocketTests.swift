import Foundation
import Glibc
import Linux
import Testing

/// Whole packets, and the descriptors beside them.
@Suite("Packet sockets")
struct PacketSocketTests {
    private func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(Glibc.pipe(&ends) == 0)
        // A program that another test starts meanwhile must not hold them open.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    @Test("A packet arrives whole, and its descriptor leads where it led")
    func roundTrip() throws {
        let pair = try PacketSocket.pair()
        let pipe = try pipe()
        try PacketSocket.send([1, 2, 3], descriptors: [pipe.write], on: pair.first.rawValue)
        let packet = try #require(
            try PacketSocket.receive(on: pair.second.rawValue, maximumBytes: 8, maximumDescriptors: 1)
        )
        #expect(packet.bytes == [1, 2, 3])
        let descriptor = try #require(packet.descriptors.first)
        #expect(write(descriptor, "x", 1) == 1)
        var byte: UInt8 = 0
        #expect(read(pipe.read, &byte, 1) == 1 && byte == UInt8(ascii: "x"))
        for number in [descriptor, pipe.read, pipe.write] { close(number) }
    }

    @Test("Without a packet there is nothing, and after the peer has gone an empty one")
    func nothingAndEnd() throws {
        var pair = try PacketSocket.pair()
        #expect(try PacketSocket.receive(on: pair.first.rawValue, maximumBytes: 8) == nil)
        _ = pair.second.take()
        #expect(try PacketSocket.receive(on: pair.first.rawValue, maximumBytes: 8)?.bytes == [])
    }

    @Test("A packet that is longer than asked for is refused, never cut")
    func tooLong() throws {
        let pair = try PacketSocket.pair()
        try PacketSocket.send([UInt8](repeating: 0, count: 9), on: pair.first.rawValue)
        let error = #expect(throws: SystemCallError.self) {
            try PacketSocket.receive(on: pair.second.rawValue, maximumBytes: 8)
        }
        #expect(error?.errno == EMSGSIZE)
    }

    @Test("F16: descriptors that nobody asked for are closed with the socket: the pipe's reader sees the end")
    func unwantedDescriptors() throws {
        var pair = try PacketSocket.pair()
        let pipe = try pipe()
        try PacketSocket.send([1], descriptors: [pipe.write], on: pair.first.rawValue)
        close(pipe.write)
        let receiver = pair.second.rawValue
        // Not even taken, however often it is asked for: there might be no room for them.
        for _ in 0..<2 {
            let error = #expect(throws: SystemCallError.self) {
                try PacketSocket.receive(on: receiver, maximumBytes: 8, maximumDescriptors: 0)
            }
            #expect(error?.errno == EMSGSIZE)
        }
        pair.second.take().closeToStranger()
        var byte: UInt8 = 0
        #expect(read(pipe.read, &byte, 1) == 0)
        close(pipe.read)
    }

    @Test(
        "F16: one whose close takes as long as its sender wants is closed aside: who receives goes on",
        .timeLimit(.minutes(1))
    )
    func lingeringDescriptor() throws {
        var pair = try PacketSocket.pair()
        let tcp = try lingering(seconds: 100_000)
        try PacketSocket.send([1], descriptors: [tcp.socket], on: pair.first.rawValue)
        close(tcp.socket)
        let receiver = pair.second.rawValue
        #expect(throws: SystemCallError.self) {
            try PacketSocket.receive(on: receiver, maximumBytes: 8)
        }
        pair.second.take().closeToStranger()
        close(tcp.peer)
    }

    /// A listener with a connection in its queue on which such a descriptor is queued; as it is before Linux 6.16 for all of them.
    private func crowded(lingering seconds: Int32, _ peers: inout [Int32]) throws -> OwnedDescriptor {
        let path = NSTemporaryDirectory() + "bailey-\(UUID().uuidString)"
        let listener = try PacketSocket.listen(at: path, backlog: 4)
        defer { unlink(path) }
        let client = try PacketSocket.connect(to: path)
        let tcp = try lingering(seconds: seconds)
        try PacketSocket.send([1], descriptors: [tcp.socket], on: client.rawValue)
        close(tcp.socket)
        peers.append(tcp.peer)
        return listener
    }

    @Test(
        "F16: a listener in whose queue there is such a one is closed aside; the control waits for it",
        .timeLimit(.minutes(1))
    )
    func lingeringInQueue() throws {
        var peers: [Int32] = []
        let control = try crowded(lingering: 2, &peers)
        let begun = ContinuousClock.now
        _ = consume control
        #expect(begun.duration(to: .now) > .seconds(1))
        try crowded(lingering: 100_000, &peers).closeToStranger()
        for peer in peers { close(peer) }
    }

    @Test(
        "F16: any number of those are closed by a few threads, and none waits for its sender",
        .timeLimit(.minutes(1))
    )
    func manyLingering() throws {
        try closeMany()
    }

    @Test(
        "F16: they wait for no sender where no signal may be queued any more, either (RLIMIT_SIGPENDING)",
        .timeLimit(.minutes(1))
    )
    func withoutQueuedSignals() async {
        await #expect(processExitsWith: .success) {
            var none = rlimit(rlim_cur: 0, rlim_max: 0)
            let resource = __rlimit_resource_t(__RLIMIT_SIGPENDING.rawValue)
            try #require(setrlimit(resource, &none) == 0)
            try PacketSocketTests().closeMany()
        }
    }

    @Test(
        "F16: What no thread can be had for is its sender's until one closes it",
        .timeLimit(.minutes(1))
    )
    func withoutThreads() async {
        await #expect(processExitsWith: .success) {
            var pair = try PacketSocket.pair()
            let pipe = try PacketSocketTests().pipe()
            try PacketSocket.send([1], descriptors: [pipe.write], on: pair.first.rawValue)
            close(pipe.write)
            let resource = __rlimit_resource_t(RLIMIT_AS.rawValue)
            var usual = rlimit()
            try #require(getrlimit(resource, &usual) == 0)
            // No room for a thread's stack.
            var none = rlimit(rlim_cur: 1, rlim_max: usual.rlim_max)
            try #require(setrlimit(resource, &none) == 0)
            pair.second.take().closeToStranger(4_711)
            let waiting = OwnedDescriptor.waitingAside(of: 4_711)
            try #require(setrlimit(resource, &usual) == 0)
            try #require(waiting == 1)
            // Whoever asks tries again.
            while OwnedDescriptor.waitingAside(of: 4_711) > 0 { usleep(1_000) }
            var byte: UInt8 = 0
            try #require(read(pipe.read, &byte, 1) == 0)
        }
    }

    private func closeMany() throws {
        var (readers, peers, receivers): ([Int32], [Int32], [Int32]) = ([], [], [])
        for _ in 0..<32 {
            var pair = try PacketSocket.pair()
            let (before, behind) = (try pipe(), try pipe())
            let tcp = try lingering(seconds: 100_000)
            // One pipe is closed behind the socket that lingers, whichever way the kernel goes.
            let sent = [before.write, tcp.socket, behind.write]
            try PacketSocket.send([1], descriptors: sent, on: pair.first.rawValue)
            for descriptor in sent { close(descriptor) }
            readers += [before.read, behind.read]
            peers.append(tcp.peer)
            receivers.append(pair.second.take().release())
        }
        // All at once, so that a thread for each would be there together.
        for receiver in receivers { OwnedDescriptor(receiver).closeToStranger() }
        let most = closers()
        for reader in readers {
            var end = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
            try #require(poll(&end, 1, 20_000) == 1, "a pipe behind what lingers was not closed")
        }
        // Four; one that has nothing left to close is there for another moment.
        #expect(most <= 8)
        for descriptor in readers + peers { close(descriptor) }
    }

    @Test("F16: What brings descriptors is counted as its sender's until it is closed, and as nobody else's")
    func counted() throws {
        let (sender, other): (UInt64, UInt64) = (4_711, 4_712)
        var (most, peers): (Int, [Int32]) = (0, [])
        // A closer is held for a tenth of a millisecond by each: one of them at least is seen.
        for _ in 0..<32 {
            var pair = try PacketSocket.pair()
            let tcp = try lingering(seconds: 100_000)
            // Behind others, of which one is empty and reads like the end.
            for packet in [[1], []] as [[UInt8]] { try PacketSocket.send(packet, on: pair.first.rawValue) }
            try PacketSocket.send([], descriptors: [tcp.socket], on: pair.first.rawValue)
            close(tcp.socket)
            peers.append(tcp.peer)
            pair.second.take().closeToStranger(sender)
            most = max(most, OwnedDescriptor.waitingAside(of: sender))
            #expect(OwnedDescriptor.waitingAside(of: other) == 0)
        }
        #expect(most > 0)
        let end = ContinuousClock.now.advanced(by: .seconds(60))
        while OwnedDescriptor.waitingAside(of: sender) > 0, ContinuousClock.now < end { usleep(1_000) }
        #expect(OwnedDescriptor.waitingAside(of: sender) == 0)
        for peer in peers { close(peer) }
    }

    @Test("What brings no descriptor is nobody's, and its peer still reads the last word")
    func bare() throws {
        let sender = UInt64.random(in: 1..<(1 << 48))
        // Of those that are counted, four are closed at a time, and some would be seen.
        for _ in 0..<256 {
            var pair = try PacketSocket.pair()
            let peer = pair.first.rawValue
            for packet in [[1], [], [2, 3]] as [[UInt8]] { try PacketSocket.send(packet, on: peer) }
            try PacketSocket.send([4], on: pair.second.rawValue)
            pair.second.take().closeToStranger(sender)
            #expect(OwnedDescriptor.waitingAside(of: sender) == 0)
            #expect(try PacketSocket.receive(on: peer, maximumBytes: 8)?.bytes == [4])
            #expect(try PacketSocket.receive(on: peer, maximumBytes: 8)?.bytes == [])
        }
    }

    /// Threads of this process that close aside.
    private func closers() -> Int {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return threads.filter { thread in
            let name = try? String(contentsOfFile: "/proc/self/task/\(thread)/comm", encoding: .utf8)
            return name == "bailey-closer\n"
        }.count
    }

    /// A TCP socket with bytes that its peer does not read, and a close that waits for them.
    private func lingering(seconds: Int32) throws -> (socket: Int32, peer: Int32) {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let listener = socket(AF_INET, kind, 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let own = socket(AF_INET, kind, 0)
        let status = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, size) | listen(listener, 1) | getsockname(listener, address, &size)
                    | connect(own, address, size)
            }
        }
        try #require(status == 0)
        let peer = accept(listener, nil, nil)
        close(listener)
        _ = fcntl(own, F_SETFL, O_NONBLOCK)
        let bytes = [UInt8](repeating: 0, count: 1 << 16)
        while write(own, bytes, bytes.count) > 0 { continue }
        var setting = linger(l_onoff: 1, l_linger: seconds)
        try #require(
            setsockopt(own, SOL_SOCKET, SO_LINGER, &setting, socklen_t(MemoryLayout<linger>.size)) == 0
        )
        return (own, peer)
    }

    @Test("A descriptor closes with its owner, and not when it was given away")
    func ownership() throws {
        // Seen from the other end: the number itself may be taken again by another test at once.
        let (kept, given) = (try pipe(), try pipe())
        do { _ = OwnedDescriptor(kept.write) }
        var byte: UInt8 = 0
        #expect(read(kept.read, &byte, 1) == 0)
        let released = OwnedDescriptor(given.write).release()
        #expect(write(released, "x", 1) == 1)
        #expect(read(given.read, &byte, 1) == 1)
        for number in [kept.read, given.read, released] { close(number) }
    }
}
