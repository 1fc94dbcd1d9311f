import Foundation
import Glibc
import Supervisor
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

    @Test func `The caller may close its descriptor meanwhile`() async throws {
        var file: File? = try File("one")
        let digests = ProgramDigests(began: Self.future)
        let digest = await withCheckedContinuation { done in
            digests.read(file?.descriptor ?? -1) { done.resume(returning: $0) }
            file = nil
        }
        #expect(digest != nil)
    }
}

extension ProgramDigests {
    fileprivate func digest(of descriptor: Int32) async -> String? {
        await withCheckedContinuation { done in read(descriptor) { done.resume(returning: $0) } }
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

    func write(_ text: String) throws {
        let count = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
        guard count == text.utf8.count else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
    }

    deinit {
        close(descriptor)
    }
}
