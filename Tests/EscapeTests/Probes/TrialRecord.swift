import Foundation
import Glibc
import TestSupport

/// What came of one trial: a line of JSON in the file that `BAILEY_ESCAPES` names, for `tools/cases`.
enum TrialRecord {
    private static let lock = NSLock()

    /// Where the probe ran; nil for its control.
    static func write(_ attack: Attack, _ standing: Standing?, _ outcome: Outcome, isEnded: Bool) {
        guard let path = ProcessInfo.processInfo.environment["BAILEY_ESCAPES"], !path.isEmpty else { return }
        let said = outcome.output.split(separator: "\n").last.map(String.init) ?? ""
        var fields = [
            "id": attack.id, "tries": attack.tries, "standing": standing?.rawValue ?? "control",
            "said": isEnded ? "HELD by its end" : said, "code": "\(outcome.code)",
        ]
        if let standing, let gap = attack.gaps[standing] { fields["gap"] = gap }
        guard let line = try? JSONEncoder().encode(fields) else { return }
        lock.withLock {
            let file = fopen(path, "a")
            defer { if let file { fclose(file) } }
            if let file { fputs(String(decoding: line, as: UTF8.self) + "\n", file) }
        }
    }
}
