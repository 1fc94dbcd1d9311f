import Foundation
import Policy
import Profiles
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
        "listns", "ns_mnt_get_info", "nice_negative", "tiocvhangup",
    ]

    private static let same = [
        "personality_query", "personality_linux", "pr_set_name", "own_filter", "sched_batch", "tiocgwinsz",
        "unix_socket", "unix_seqpacket", "tcp", "udp6", "route", "pair", "plain_open", "plain_chmod",
        "thread",
        "process", "nice_positive", "splice", "tee", "memfd", "execveat", "shmget", "mq_open", "setuid",
        "get_mempolicy", "sched_affinity", "mlockall", "attach_filter", "tcp_ulp",
        "unknown_ioctl",
        "pr_set_timerslack",
    ]

    private static let notStrict = [
        "personality_query", "personality_linux", "splice", "tee", "memfd", "execveat", "route", "shmget",
        "mq_open",
        "setuid", "get_mempolicy", "sched_affinity", "mlockall", "attach_filter",
        "attach_filter_high", "tcp_ulp", "unknown_ioctl", "pr_set_timerslack", "sched_batch",
    ]

    @Test(arguments: notPermitted)
    func `What the policy refuses is not permitted`(name: String) throws {
        try expect(name, EPERM)
    }

    @Test(arguments: ["clone3", "io_uring_setup", "io_uring_enter", "io_setup", "openat2"])
    func `S02, S06: calls whose callers fall back do not exist`(name: String) throws {
        try expect(name, ENOSYS)
    }

    @Test(arguments: ["vsock", "alg", "packet", "bluetooth", "pair_inet"])
    func `N06, N07, N08: other socket families do not exist`(name: String) throws {
        try expect(name, EAFNOSUPPORT)
    }

    @Test(arguments: ["netfilter", "protocol_300", "ping", "mptcp"])
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

    @Test(arguments: notStrict)
    func `What strict leaves out is not permitted, and the default permits it`(name: String) throws {
        let outcome = try Self.outcomes.get()
        #expect(outcome.strict[name] == EPERM)
        #expect(outcome.filtered[name] == outcome.control[name] && outcome.filtered[name] != EPERM)
    }

    @Test(arguments: notPermitted)
    func `Strict refuses all that the default refuses`(name: String) throws {
        #expect(try Self.outcomes.get().strict[name] == EPERM)
    }

    @Test func `S02, S05, S06: fallbacks work under strict as well`() throws {
        let strict = try Self.outcomes.get().strict
        for name in ["clone3", "io_uring_setup", "io_setup", "openat2", "call_600", "gap_340"] {
            #expect(strict[name] == ENOSYS, "\(name)")
        }
        for name in [
            "thread", "process", "plain_open", "tcp", "udp6", "unix_socket", "pair", "tiocgwinsz",
            "pr_set_name",
            "own_filter", "reuse_address", "nice_positive",
        ] {
            #expect(strict[name] == (try Self.outcomes.get().control[name]), "\(name)")
        }
    }

    @Test func `A policy that refuses seccomp and prctl cannot keep the default from being loaded behind it`()
        throws
    {
        let outcome = try Self.outcomes.get()
        for name in ["mount", "clone3", "new_listener", "tcp", "plain_open"] {
            #expect(outcome.unloading[name] == outcome.filtered[name], "\(name)")
        }
        #expect(outcome.unloading["pr_set_name"] == EPERM && outcome.filtered["pr_set_name"] != EPERM)
        #expect(outcome.unloading["strict_mode"] == EPERM && outcome.filtered["strict_mode"] != EPERM)
        #expect(outcome.unloading["own_filter"] == outcome.control["own_filter"])
    }

    @Test func `S05: a number from the future does not exist`() throws {
        #expect(try Self.outcomes.get().filtered["call_600"] == ENOSYS)
    }

    @Test(arguments: ["x32_getpid", "i386_getpid"])
    func `N12, N13, S19: a foreign ABI kills the caller`(name: String) throws {
        #expect(try Self.outcomes.get().filtered[name] == -SIGSYS)
        #expect(try Self.outcomes.get().strict[name] == -SIGSYS)
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
    let strict: [String: Int32]
    /// With a policy besides that refuses what filters are loaded with.
    let unloading: [String: Int32]
    let control: [String: Int32]

    static func measured() throws -> SeccompOutcomes {
        let folder = FileManager.default.temporaryDirectory.appending(path: "seccomp-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = folder.appending(path: "probe.c").path
        let filter = folder.appending(path: "filter").path
        let program = folder.appending(path: "probe").path
        try Data(SeccompProbeSource.text.utf8).write(to: URL(filePath: source))
        let filters = try SeccompFilters().programs(try SystemCallPolicies.strict())
        try #require(filters.count == 2)
        try Data(filters[1]).write(to: URL(filePath: filter))
        try Data(filters[0]).write(to: URL(filePath: filter + "-strict"))
        try Data(SeccompFilter.narrower(unloading)).write(to: URL(filePath: filter + "-unloading"))
        _ = try output(of: "/usr/bin/cc", "-w", "-O1", "-pthread", "-o", program, source)
        return SeccompOutcomes(
            filtered: table(try output(of: program, filter)),
            strict: table(try output(of: program, filter + "-strict", filter)),
            unloading: table(try output(of: program, filter + "-unloading", filter)),
            control: table(try output(of: program))
        )
    }

    private static var unloading: SystemCallPolicy {
        let calls = ["seccomp", "prctl"].compactMap { name in
            SystemCallTable.number(of: name).map { SystemCall(name: name, number: $0) }
        }
        let rule = SystemCallRule(calls: calls, conditions: [], answer: .notPermitted)
        let group = SystemCallGroup(name: "loading", reason: "R.", rules: [rule])
        return SystemCallPolicy(name: "unloading", rest: .allowed, groups: [group], digest: "")
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
