import Foundation
import Glibc

/// What runs on the host.
enum HostProcesses {
    /// Processes that have this word among their arguments.
    static func running(with word: String) -> [pid_t] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { pid_t($0) }.filter { process in
            let data = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
            return data.split(separator: 0).contains { $0 == Data(word.utf8) }
        }
    }

    /// Waits, with a bound, until nothing runs with this word; what is left then.
    static func left(with word: String, within seconds: Double) -> [pid_t] {
        let end = Date(timeIntervalSinceNow: seconds)
        while Date() < end, !running(with: word).isEmpty { Thread.sleep(forTimeInterval: 0.02) }
        return running(with: word)
    }
}
