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

    /// Processes that have this variable in their environment with this value: all of one place's.
    package static func running(variable: String) -> [pid_t] {
        all.filter { process in
            let data = FileManager.default.contents(atPath: "/proc/\(process)/environ") ?? Data()
            return data.split(separator: 0).contains { $0 == Data(variable.utf8) }
        }
    }

    private static var all: [pid_t] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }
    }
}
