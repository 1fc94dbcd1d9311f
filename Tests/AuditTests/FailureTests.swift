import Audit
import Foundation
import Glibc
import Model
import Testing

/// CAP_SYS_ADMIN in the initial namespace, which mount(2) needs: being root is taken for it.
private let mayMount = geteuid() == 0

struct FailureTests {
    /// Needs CAP_SYS_ADMIN for a tmpfs of its own.
    @Test(.enabled(if: mayMount, "CAP_SYS_ADMIN"))
    func `a full disk refuses, says so, and recovers when there is room again`() throws {
        let state = try StateFixture()
        let mount = try SmallFileSystem(at: state.path + "/full", kilobytes: 400)
        let store = try AuditStore.open(directory: mount.path + "/state", run: "0badcafe")
        let first = store.appendOneByOne([Sample.request()])
        #expect(first.failures.isEmpty)
        let filler = mount.path + "/filler"
        try mount.fill(filler)
        var last = Tally()
        for _ in 0..<50 where last.failures.isEmpty {
            last = store.appendTogether((0..<50).map { Sample.request("GET /\($0)") })
            #expect(last.count == 50, "every caller is answered")
        }
        let failure = try #require(last.failures.first)
        #expect(failure.message.contains("free space"))
        #expect(store.condition == .refusing(try #require(last.failures.last)))
        try FileManager.default.removeItem(atPath: filler)
        #expect(store.appendOneByOne([Sample.request()]).failures.isEmpty)
        #expect(store.condition == .recording)
        let outcome = try AuditVerifier(directory: mount.path + "/state").verify()
        #expect(outcome.isVerified, "\(outcome)")
    }

    @Test func `a locked store refuses within its busy timeout, and says who to look for`() throws {
        let state = try StateFixture()
        let store = try state.open()
        let holder = Process()
        let input = Pipe()
        let output = Pipe()
        holder.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
        holder.arguments = StateFixture.patience + [state.path + "/audit.sqlite"]
        holder.standardInput = input
        holder.standardOutput = output
        try holder.run()
        try input.fileHandleForWriting.write(contentsOf: Data("BEGIN IMMEDIATE; SELECT 'held';\n".utf8))
        #expect(try output.fileHandleForReading.read(upToCount: 5) == Data("held\n".utf8))
        let failed = store.appendOneByOne([Sample.request()])
        #expect(failed.failures.first?.message.contains("another process holds it") == true)
        try input.fileHandleForWriting.close()
        holder.waitUntilExit()
        #expect(store.appendOneByOne([Sample.request()]).failures.isEmpty)
        #expect(try state.verifiedCount() == 1)
    }

    @Test func `a store whose tail is cut while it is open adds nothing to it`() throws {
        let state = try StateFixture()
        let store = try state.open()
        _ = store.appendOneByOne([Sample.request(), Sample.request()])
        try state.sqlite("DELETE FROM records WHERE sequence = 2; DELETE FROM seals WHERE last = 2")
        let tally = store.appendOneByOne([Sample.request()])
        #expect(tally.failures.first?.message.contains("verify") == true)
        #expect(try state.finding()?.code == .cut)
        #expect(try state.finding()?.record == 2)
    }

    @Test func `a table that refuses writes fails the record`() throws {
        let state = try StateFixture()
        let store = try state.open()
        try state.sqlite("DROP TABLE seals")
        let tally = store.appendOneByOne([Sample.request()])
        #expect(tally.failures.count == 1)
        #expect(try state.sqliteOutput("SELECT count(*) FROM records") == "0", "the whole batch is undone")
    }

    @Test(arguments: [0o640, 0o604, 0o660])
    func `a key that others may read is refused, with the remedy`(mode: Int) throws {
        let state = try StateFixture()
        _ = try state.open()
        let key = state.path + "/keys/audit.key"
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: key)
        let error = #expect(throws: AuditStoreError.self) { try state.open() }
        #expect(error?.message.contains("chmod 600") == true)
    }

    /// Needs CAP_CHOWN to give a file away.
    @Test(.enabled(if: mayMount, "CAP_CHOWN"))
    func `a key of another owner is refused`() throws {
        let state = try StateFixture()
        _ = try state.open()
        let key = state.path + "/keys/audit.key"
        try FileManager.default.setAttributes([.ownerAccountID: 65_534], ofItemAtPath: key)
        let error = #expect(throws: AuditStoreError.self) { try state.open() }
        #expect(error?.code == .unsafeFile)
        #expect(error?.message.contains("chown") == false)
    }

    /// Needs CAP_CHOWN to give a directory away.
    @Test(.enabled(if: mayMount, "CAP_CHOWN"))
    func `a state directory of another user's is not advised to be taken over`() throws {
        let state = try StateFixture()
        try FileManager.default.setAttributes([.ownerAccountID: 65_534], ofItemAtPath: state.path)
        let error = #expect(throws: AuditStoreError.self) { try state.open() }
        let message = error?.message ?? ""
        #expect(message.contains("XDG_STATE_HOME") && message.contains("sudo -H"), "\(message)")
        #expect(!message.contains("chown") && !message.contains("chmod"), "\(message)")
    }

    @Test func `a key that is a link is refused`() throws {
        let state = try StateFixture()
        let other = try StateFixture()
        _ = try other.open()
        _ = try state.open()
        let key = state.path + "/keys/audit.key"
        try FileManager.default.removeItem(atPath: key)
        try FileManager.default.createSymbolicLink(
            atPath: key,
            withDestinationPath: other.path + "/keys/audit.key"
        )
        #expect(throws: AuditStoreError.self) { try state.open() }
    }

    @Test func `a state directory that others may enter is refused, with the remedy`() throws {
        let state = try StateFixture()
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: state.path)
        let error = #expect(throws: AuditStoreError.self) { try state.open() }
        #expect(error?.message.contains("chmod 700") == true)
    }
}

/// A tmpfs of a few hundred KiB, unmounted at the end.
final class SmallFileSystem {
    let path: String

    init(at path: String, kilobytes: Int) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard unsafe mount("tmpfs", path, "tmpfs", 0, "size=\(kilobytes)k,mode=0700") == 0 else {
            throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EPERM)
        }
    }

    deinit { _ = unsafe umount2(path, Int32(MNT_DETACH)) }

    /// Writes a file until nothing fits any more.
    func fill(_ file: String) throws {
        let descriptor = unsafe open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(descriptor) }
        let block = [UInt8](repeating: 0x41, count: 4_096)
        for _ in 0..<10_000 {
            guard unsafe write(descriptor, block, block.count) == block.count else { return }
        }
    }
}
