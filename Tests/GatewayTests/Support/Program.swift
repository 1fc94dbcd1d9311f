import Foundation

/// A child process with signals unblocked: test threads block them, and posix_spawn(3) hands that on.
final class Child {
    private let pid: pid_t
    private var reaped: Int32?

    /// Standard output and error go to the given files, input comes from `/dev/null`.
    init(
        _ path: String,
        _ arguments: [String],
        output: String = "/dev/null",
        errors: String = "/dev/null"
    ) throws {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var words: [UnsafeMutablePointer<CChar>?] = unsafe ([path] + arguments).map { unsafe strdup($0) }
        unsafe words.append(nil)
        var environment: [UnsafeMutablePointer<CChar>?] = unsafe [
            strdup("PATH=/usr/bin:/bin:/usr/sbin:/sbin"), nil,
        ]
        defer {
            for index in unsafe words.indices { unsafe free(words[index]) }
            for index in unsafe environment.indices { unsafe free(environment[index]) }
        }
        var child: pid_t = 0
        let code = unsafe posix_spawn(&child, path, &actions, &attributes, &words, &environment)
        guard code == 0 else { throw POSIXError(.ENOENT) }
        pid = child
    }

    deinit {
        guard reaped == nil else { return }
        kill(pid, SIGTERM)
        _ = wait()
    }

    /// Whether it has ended already.
    var hasEnded: Bool {
        if reaped != nil { return true }
        var status: Int32 = 0
        guard unsafe waitpid(pid, &status, WNOHANG) == pid else { return false }
        return note(status) >= 0
    }

    /// The exit code, or 128 and the signal.
    func wait() -> Int32 {
        if let reaped { return reaped }
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return note(status)
    }

    private func note(_ status: Int32) -> Int32 {
        let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
        reaped = code
        return code
    }
}

/// A real program run by a test to its end.
///
/// Every caller gives the program a bound of its own on time.
struct Program {
    let status: Int32
    let output: String
    let errors: String

    static func run(_ path: String, _ arguments: [String]) throws -> Program {
        let scratch = try Scratch()
        let child = try Child(path, arguments, output: scratch.path + "/out", errors: scratch.path + "/err")
        let status = child.wait()
        return Program(status: status, output: scratch.read("out"), errors: scratch.read("err"))
    }
}

/// A new directory that goes away with its owner.
final class Scratch: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "bailey-gateway-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        // nginx's workers run as another user.
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws -> String {
        try text.write(toFile: path + "/" + name, atomically: true, encoding: .utf8)
        return path + "/" + name
    }

    func read(_ name: String) -> String {
        (try? String(contentsOfFile: path + "/" + name, encoding: .utf8)) ?? ""
    }
}
