import Foundation
import Glibc
import Model
import Supervisor
import Synchronization
import Testing

struct ProgramDigestsTests {
    private static let future = time(nil) + 3_600

    @Test func `A file that has not changed since is read once, and again when it has`() async throws {
        let file = try File("one")
        let digests = ProgramDigests(began: Self.future)
        #expect(digests.remembered(file.descriptor) == nil)
        let first = await digests.digest(of: file.descriptor)
        #expect(first == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed")
        #expect(digests.remembered(file.descriptor) == first)
        try file.write("three")
        #expect(digests.remembered(file.descriptor) == nil)
        let second = await digests.digest(of: file.descriptor)
        #expect(second == "8b5b9db0c13db24256c829aa364aa90c6d2eba318b9232a4ab9313b954d3555f")
    }

    @Test func `What changed after the supervisor began may go on changing, and is not remembered`()
        async throws
    {
        let file = try File("one")
        let digests = ProgramDigests(began: time(nil) - 3_600)
        #expect(await digests.digest(of: file.descriptor) != nil)
        #expect(digests.remembered(file.descriptor) == nil)
    }

    @Test func `A file over the limit, a folder and a closed descriptor have no digest`() async throws {
        let file = try File("one")
        #expect(ftruncate(file.descriptor, 128 << 20 + 1) == 0)
        let digests = ProgramDigests(began: Self.future)
        #expect(await digests.digest(of: file.descriptor) == nil)
        let folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(folder) }
        #expect(await digests.digest(of: folder) == nil)
        #expect(await digests.digest(of: -1) == nil)
    }

    @Test
    func `At once there is what is remembered or small, and a large file that may change is not read at all`()
        async throws
    {
        let (small, large) = (try File("one"), try File("one"))
        #expect(ftruncate(large.descriptor, 9 << 20) == 0)
        let digests = ProgramDigests(began: Self.future)
        func atOnce(_ file: File, _ digests: ProgramDigests, mayRead: Bool = true) -> String? {
            digests.atOnce(file.descriptor, of: agent, under: agent, mayRead: mayRead)
        }
        let known = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
        #expect(atOnce(small, digests, mayRead: false) == nil)
        #expect(atOnce(small, digests) == known)
        #expect(atOnce(small, digests, mayRead: false) == known)
        // Read for the next who asks.
        #expect(atOnce(large, digests) == nil)
        let end = Date(timeIntervalSinceNow: 60)
        while atOnce(large, digests, mayRead: false) == nil, Date() < end {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(atOnce(large, digests, mayRead: false) != nil)
        let late = ProgramDigests(began: time(nil) - 3_600)
        for _ in 0..<100 { #expect(atOnce(large, late) == nil) }
        #expect(late.hasRoom(for: agent))
        #expect(atOnce(small, late) == known)
    }

    @Test func `The caller may close its descriptor meanwhile`() async throws {
        var file: File? = try File("one")
        let digests = ProgramDigests(began: Self.future)
        let digest = await withCheckedContinuation { done in
            digests.read(file?.descriptor ?? -1, of: agent, under: agent) { done.resume(returning: $0) }
            file = nil
        }
        #expect(digest != nil)
    }

    @Test("Runs take turns: one that asks for many reads keeps nobody else's waiting")
    func turns() async throws {
        let digests = ProgramDigests(began: Self.future)
        let (file, hold, heard) = (try File("one"), DispatchSemaphore(value: 0), Heard())
        let begun = Heard()
        digests.read(file.descriptor, of: agent, under: agent) { _ in
            begun.add("begun")
            hold.wait()
        }
        // Whatever is asked for while the thread is held stands in line.
        _ = await begun.first(1)
        for number in 2...5 {
            digests.read(file.descriptor, of: other(1, number), under: agent) { _ in heard.add("many") }
        }
        digests.read(file.descriptor, of: other(2, 1), under: other(2, 1)) { _ in heard.add("one") }
        hold.signal()
        #expect(await heard.first(5) == ["many", "one", "many", "many", "many"])
    }

    @Test("A run has a bounded number of reads in line, and others have theirs")
    func bounded() async throws {
        let digests = ProgramDigests(began: Self.future)
        let (file, hold, heard) = (try File("one"), DispatchSemaphore(value: 0), Heard())
        let begun = Heard()
        digests.read(file.descriptor, of: agent, under: agent) { _ in
            begun.add("begun")
            hold.wait()
        }
        _ = await begun.first(1)
        for number in 0..<ProgramDigests.maximumWaiting {
            #expect(digests.hasRoom(for: agent))
            digests.read(file.descriptor, of: other(1, 2 + number), under: agent) { _ in heard.add("read") }
        }
        #expect(!digests.hasRoom(for: agent) && digests.hasRoom(for: other(2, 1)))
        digests.read(file.descriptor, of: other(1, 1_000), under: agent) { digest in
            heard.add(digest == nil ? "refused" : "read")
        }
        #expect(await heard.first(1) == ["refused"], "at once, without a descriptor")
        hold.signal()
        #expect(await heard.first(1 + ProgramDigests.maximumWaiting).last == "read")
        #expect(digests.hasRoom(for: agent))
    }

    @Test("What an agent that is gone asked for is forgotten at once, its descriptor closed, and never read")
    func forgotten() async throws {
        let digests = ProgramDigests(began: Self.future)
        let (first, second, hold, heard) = (
            try File("one"), try File("two"), DispatchSemaphore(value: 0), Heard()
        )
        digests.read(first.descriptor, of: agent, under: agent) { _ in hold.wait() }
        for number in 2...4 {
            digests.read(second.descriptor, of: other(1, number), under: agent) { _ in heard.add("forgotten")
            }
        }
        digests.read(second.descriptor, of: other(1, 5), under: agent) { _ in heard.add("wanted") }
        #expect(second.holders == 5, "its own, and one for each in line")
        for number in 2...4 { digests.forget(other(1, number), under: agent) }
        #expect(second.holders == 2)
        hold.signal()
        #expect(await heard.first(1) == ["wanted"])
    }
}

extension ProgramDigests {
    fileprivate func digest(of descriptor: Int32) async -> String? {
        await withCheckedContinuation { done in
            read(descriptor, of: agent, under: agent) { done.resume(returning: $0) }
        }
    }
}

private let agent = AgentID(run: "000000000001", ordinal: 1)

private func other(_ run: Int, _ ordinal: Int) -> AgentID {
    AgentID(run: "00000000000\(run)", ordinal: ordinal)
}

/// What other threads said, in order.
private final class Heard: Sendable {
    private let words = Mutex<[String]>([])
    private let (stream, sink) = AsyncStream.makeStream(of: Void.self)

    func add(_ word: String) {
        words.withLock { $0.append(word) }
        sink.yield()
    }

    /// Waits until so many words are there.
    func first(_ count: Int) async -> [String] {
        var turns = stream.makeAsyncIterator()
        while words.withLock({ $0.count < count }) { await turns.next() }
        return words.withLock { Array($0.prefix(count)) }
    }
}

/// A temporary file without a name.
private final class File {
    let descriptor: Int32

    init(_ text: String) throws {
        var template = Array((NSTemporaryDirectory() + "/bailey-digest-XXXXXX").utf8CString)
        descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        unlink(template)
        try write(text)
    }

    /// Descriptors of this process that are open on it.
    var holders: Int {
        let files = FileManager.default
        func target(_ number: String) -> String? {
            try? files.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + number)
        }
        guard let own = target("\(descriptor)") else { return 0 }
        let names = (try? files.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.count { target($0) == own }
    }

    func write(_ text: String) throws {
        let count = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
        guard count == text.utf8.count else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
    }

    deinit {
        close(descriptor)
    }
}
