import Foundation
import TestSupport

/// Launches under strace(1), in which one system call fails.
struct Faults {
    /// One call: the `occurrence`-th of that name in each process.
    struct Fault: Sendable, CustomStringConvertible {
        let call: String
        let occurrence: Int

        var description: String { "\(call) \(occurrence)" }

        /// EAGAIN where that is what a kernel without room says.
        fileprivate var error: String { call.hasPrefix("clone") ? "EAGAIN" : "EIO" }
    }

    /// What was seen of a launch.
    struct Trial {
        let outcome: Outcome
        /// Whether the command did what it was for.
        let hasRun: Bool
        /// Whether the fault came to the set-up of the agent, not only to the supervisor or to the command.
        let isHit: Bool
    }

    /// All that is called between the spawner's first word and the exec of init, but for what cannot fail (umask(2)) and
    /// what may (close(2)).
    static let calls = """
        clone,clone3,openat2,open_tree,mount_setattr,move_mount,fsopen,fsconfig,fsmount,mkdirat,symlinkat,sendfile,\
        pivot_root,umount2,chdir,fchdir,sethostname,prlimit64,keyctl,setgroups,setresuid,setresgid,capset,prctl,seccomp,\
        landlock_create_ruleset,landlock_add_rule,landlock_restrict_self,socket,setsockopt,bind,listen,sendto,recvfrom,\
        sendmsg,recvmsg,ioctl,close_range,dup2,setns,execve,openat,fcntl,write,socketpair,pipe2,mmap,rt_sigaction,\
        rt_sigprocmask,fstat,poll
        """

    let place: Place
    private var log: String { place.root + "/trace" }

    /// Launches a command that leaves a file, and takes the file away again.
    func launch(failing fault: Fault? = nil) throws -> Trial {
        let injection = fault.map {
            ["-e", "inject=\($0.call):error=\($0.error):when=\($0.occurrence)"]
        }
        let outcome = try Command.run(
            ["strace", "-f", "-q", "-o", log, "-e", "trace=\(Self.calls)"] + (injection ?? [])
                + place.launcher + ["--alone", "--", "touch", "ran"],
            environment: place.environment,
            directory: place.workspace
        )
        let hasRun = place.read("workspace/ran") != nil
        try? FileManager.default.removeItem(atPath: place.workspace + "/ran")
        return Trial(outcome: outcome, hasRun: hasRun, isHit: try setUp().contains { $0.isInjected })
    }

    /// Every call of the set-up, by name: as many as the process with the most makes.
    func all() throws -> [Fault] {
        let counted = Dictionary(grouping: try setUp()) { $0.process }.values.map { calls in
            Dictionary(grouping: calls) { $0.name }.mapValues(\.count)
        }
        let most = counted.reduce(into: [String: Int]()) { $0.merge($1) { max($0, $1) } }
        return most.sorted { $0.key < $1.key }.flatMap { name, count in
            (1...count).map { Fault(call: name, occurrence: $0) }
        }
    }

    private struct Call {
        let process: Substring
        let name: String
        let isInjected: Bool
    }

    /// The calls of the last launch that were made neither by the supervisor nor by what init became.
    private func setUp() throws -> [Call] {
        let text = String(decoding: try Data(contentsOf: URL(filePath: log)), as: UTF8.self)
        let lines = Self.whole(text)
        var supervisor = Set(lines.prefix(1).map(\.process))
        // A thread may be heard of before the call that made it returns.
        for line in lines where line.text.hasPrefix("clone") && line.text.contains("CLONE_VM") {
            if let thread = line.text.split(separator: " ").last { supervisor.insert(thread) }
        }
        var (known, done): (Set<Substring>, Set<Substring>) = ([], [])
        return lines.compactMap { line in
            guard !supervisor.contains(line.process), !done.contains(line.process) else { return nil }
            // Who is first heard of after init's exec is init's child.
            guard done.isEmpty || known.contains(line.process) else { return nil }
            known.insert(line.process)
            let name = String(line.text.prefix { $0 != "(" })
            if name == "execve", line.text.hasSuffix("= 0") { done.insert(line.process) }
            return Call(process: line.process, name: name, isInjected: line.text.contains("INJECTED"))
        }
    }

    /// Each call of a log in one piece, where strace wrote its beginning and its end apart.
    private static func whole(_ log: String) -> [(process: Substring, text: Substring)] {
        var unfinished: [Substring: Substring] = [:]
        return log.split(separator: "\n").compactMap { line in
            guard let gap = line.firstIndex(of: " ") else { return nil }
            let process = line[..<gap]
            var rest = line[gap...].drop { $0 == " " }
            if rest.hasSuffix("<unfinished ...>") {
                unfinished[process] = rest
                return nil
            }
            if rest.hasPrefix("<..."), let begun = unfinished.removeValue(forKey: process) {
                rest = begun + rest
            }
            return rest.contains("(") ? (process, rest) : nil
        }
    }
}
