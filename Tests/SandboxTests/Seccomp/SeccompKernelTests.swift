import Foundation
import Sandbox
import Testing

/// The filter in the kernel: each call is made by a real process, with it and, as a control, without.
struct SeccompKernelTests {
    private static let outcomes = Result { try SeccompOutcomes.measured() }

    private static let notPermitted = [
        "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsconfig",
        "fsmount",
        "fspick", "mount_setattr", "open_tree_attr", "statmount", "listmount", "unshare", "setns",
        "clone_newuser", "clone_newns", "ns_get_parent", "sethostname", "ptrace", "process_vm_readv",
        "pidfd_getfd", "kcmp", "process_madvise", "keyctl", "add_key", "request_key", "no_randomise",
        "read_implies_exec", "pr_set_mm", "new_listener", "sched_fifo", "sched_fifo_reset", "sched_setattr",
        "ioprio_rt", "mbind", "move_pages", "set_mempolicy", "bpf", "perf_event_open", "userfaultfd",
        "vmsplice",
        "reboot", "swapoff", "acct", "finit_module", "kexec_load", "clock_settime", "adjtimex", "ioperm",
        "syslog", "lsm_set_self_attr", "lookup_dcookie", "name_to_handle_at", "open_by_handle_at", "fanotify",
        "chmod_suid", "chmod_sgid", "fchmod_suid", "fchmodat_suid", "fchmodat2_suid", "open_suid",
        "openat_suid",
        "creat_suid", "tmpfile_suid", "mknod_suid", "mknod_char", "mknod_block", "tiocsti", "tiocsti_high",
        "tioclinux", "setflags", "fifreeze", "file_setattr", "blkdiscard",
    ]

    private static let same = [
        "personality_query", "personality_linux", "pr_set_name", "own_filter", "sched_batch", "tiocgwinsz",
        "unix_socket", "unix_seqpacket", "tcp", "udp6", "route", "pair", "plain_open", "plain_chmod",
        "thread",
        "process",
    ]

    @Test(arguments: notPermitted)
    func `What the policy refuses is not permitted`(name: String) throws {
        try expect(name, EPERM)
    }

    @Test(arguments: ["clone3", "io_uring_setup", "io_uring_enter", "openat2"])
    func `S02, S06: calls whose callers fall back do not exist`(name: String) throws {
        try expect(name, ENOSYS)
    }

    @Test(arguments: ["vsock", "alg", "packet", "bluetooth", "pair_inet"])
    func `N06, N07, N08: other socket families do not exist`(name: String) throws {
        try expect(name, EAFNOSUPPORT)
    }

    @Test(arguments: ["netfilter", "protocol_300", "ping"])
    func `N09, N11: other protocols do not exist`(name: String) throws {
        try expect(name, EPROTONOSUPPORT)
    }

    @Test(arguments: ["raw", "raw6", "seqpacket"])
    func `N11: other socket types are refused`(name: String) throws {
        try expect(name, EACCES)
    }

    @Test(arguments: same)
    func `What programs need works as without a filter`(name: String) throws {
        let outcome = try Self.outcomes.get()
        let filtered = try #require(outcome.filtered[name])
        #expect(filtered == outcome.control[name])
    }

    @Test func `S05: a number from the future does not exist`() throws {
        #expect(try Self.outcomes.get().filtered["call_600"] == ENOSYS)
    }

    @Test(arguments: ["x32_getpid", "i386_getpid"])
    func `N12, N13, S19: a foreign ABI kills the caller`(name: String) throws {
        #expect(try Self.outcomes.get().filtered[name] == -SIGSYS)
        #expect(try Self.outcomes.get().control[name] != -SIGSYS)
    }

    /// The control tells only for root: others are refused much of this by the kernel itself.
    private func expect(_ name: String, _ code: Int32) throws {
        let outcome = try Self.outcomes.get()
        #expect(outcome.filtered[name] == code)
        #expect(geteuid() != 0 || outcome.control[name] != code, "the control gives the same answer")
    }
}

/// What every probe returned, with the filter and without.
private struct SeccompOutcomes {
    let filtered: [String: Int32]
    let control: [String: Int32]

    static func measured() throws -> SeccompOutcomes {
        let folder = FileManager.default.temporaryDirectory.appending(path: "seccomp-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = folder.appending(path: "probe.c").path
        let filter = folder.appending(path: "filter").path
        let program = folder.appending(path: "probe").path
        try Data(SeccompProbeSource.text.utf8).write(to: URL(filePath: source))
        try Data(SeccompFilter.standard()).write(to: URL(filePath: filter))
        _ = try output(of: "/usr/bin/cc", "-w", "-O1", "-pthread", "-o", program, source)
        return SeccompOutcomes(
            filtered: table(try output(of: program, filter)),
            control: table(try output(of: program, "-"))
        )
    }

    private static func output(of program: String, _ arguments: String...) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardOutput = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(program) failed")
        return String(decoding: data, as: UTF8.self)
    }

    private static func table(_ text: String) -> [String: Int32] {
        var values: [String: Int32] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2 { values[String(words[0])] = Int32(words[1]) }
        }
        return values
    }
}
