internal import Foundation
package import Glibc

/// What runs on the host.
package enum HostProcesses {
    /// Processes that have this word among their arguments.
    package static func running(with word: String) -> [pid_t] {
        all.filter { process in
            let data = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
            return data.split(separator: 0).contains { $0 == Data(word.utf8) }
        }
    }

    /// Waits, with a bound, until nothing runs with this word; what is left then.
    package static func left(with word: String, within seconds: Double) -> [pid_t] {
        let end = Date(timeIntervalSinceNow: seconds)
        while Date() < end, !running(with: word).isEmpty { Thread.sleep(forTimeInterval: 0.02) }
        return running(with: word)
    }

    /// Waits, with a bound, for a process with this word: a shell that forked it may still be becoming it.
    package static func appearing(with word: String, within seconds: Double = 60) -> [pid_t] {
        running(with: word, count: 1, within: seconds)
    }

    /// Waits, with a bound, for so many processes with this word, or more; those that are there then.
    package static func running(with word: String, count: Int, within seconds: Double = 60) -> [pid_t] {
        let end = Date(timeIntervalSinceNow: seconds)
        // What was seen counts: one that is in the middle of execve(2) has no words when it is looked at again.
        var seen = running(with: word)
        while seen.count < count, Date() < end {
            Thread.sleep(forTimeInterval: 0.02)
            seen = running(with: word)
        }
        return seen
    }

    /// Processes that have this variable in their environment with this value: all of one place's.
    package static func running(variable: String) -> [pid_t] {
        all.filter { process in
            let data = FileManager.default.contents(atPath: "/proc/\(process)/environ") ?? Data()
            return data.split(separator: 0).contains { $0 == Data(variable.utf8) }
        }
    }

    /// Processes whose parent is this one.
    package static func children(of parent: pid_t) -> [pid_t] {
        all.filter { process in
            let words = status(of: process)
            return words.count > 1 && pid_t(words[1]) == parent
        }
    }

    /// Waits, with a bound, until a process keeps this signal from itself; false when it does not.
    package static func awaits(_ process: pid_t, blocking signal: Int32) -> Bool {
        let end = Date(timeIntervalSinceNow: 60)
        while Date() < end {
            let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
            let mask = status.split(separator: "\n").first { $0.hasPrefix("SigBlk:") }?.split(separator: "\t")
                .last
            if let mask, let bits = UInt64(mask, radix: 16), bits >> UInt64(signal - 1) & 1 == 1 {
                return true
            }
            Thread.sleep(forTimeInterval: 0.02)
        }
        return false
    }

    /// Whether a process is there, and not only waiting to be reaped.
    package static func isAlive(_ process: pid_t) -> Bool {
        status(of: process).first.map { $0 != "Z" && $0 != "X" } ?? false
    }

    /// Words of its status behind the name, which may hold anything: state and parent come first (proc(5)).
    private static func status(of process: pid_t) -> [Substring] {
        let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        return status?.split(separator: ")").last?.split(separator: " ") ?? []
    }

    fileprivate static var all: [pid_t] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }
    }
}

extension HostProcesses {
    /// Waits, with a bound, for so many processes below a supervisor's spawner that have a network namespace of their own,
    /// as a sandbox has that is being made or waits; those that are there then.
    package static func isolated(below supervisor: pid_t, count: Int) throws -> [pid_t] {
        let end = Date(timeIntervalSinceNow: 60)
        while try isolated(below: supervisor).count != count, Date() < end {
            Thread.sleep(forTimeInterval: 0.02)
        }
        return try isolated(below: supervisor)
    }

    private static func isolated(below supervisor: pid_t) throws -> [pid_t] {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
        return children(of: supervisor).flatMap(children(of:)).filter {
            let other = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\($0)/ns/net")
            return other != nil && other != own
        }
    }
}

extension HostProcesses {
    /// Waits, with a bound, until no init of an agent whose working directory is below this path is left.
    package static func leftInits(below path: String, within seconds: Double) -> [pid_t] {
        let end = Date(timeIntervalSinceNow: seconds)
        while Date() < end, !inits(below: path).isEmpty { Thread.sleep(forTimeInterval: 0.02) }
        return inits(below: path)
    }

    private static func inits(below path: String) -> [pid_t] {
        all.filter { process in
            let name = try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)
            guard let name, name.hasPrefix("bailey") else { return false }
            // The link's text is the path inside the agent, where the workspace has the host's path.
            let directory = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/cwd")
            return directory?.hasPrefix(path) ?? false
        }
    }
}
