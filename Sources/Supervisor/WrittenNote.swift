internal import Audit
internal import Client
internal import Model
internal import Policy
package import Sandbox

/// What people are told of files that changed and that the host may run.
package enum WrittenNote {
    /// Lines for people; there are more in the record.
    private static let shownFiles = 10
    /// Bytes of a path in one.
    private static let shownPath = 200

    /// Nil where there is nothing to say.
    static func text(of written: WrittenFiles?, _ opening: String, _ rest: String) -> String? {
        guard let written, written.unlooked == nil, !written.files.isEmpty || !written.isWhole else {
            return nil
        }
        var lines = written.files.prefix(shownFiles).map {
            "  \(shown($0.path)): \(TerminalText.escaped($0.reason))"
        }
        let left = written.files.count + written.more - lines.count
        if left > 0 { lines.append("  and \(left) more\(rest)") }
        if !written.isWhole {
            lines.append("  not everything was looked at: there is too much, or it could not be read")
        }
        return opening + "\n" + lines.joined(separator: "\n")
    }

    private static func shown(_ path: String) -> String {
        let text = TerminalText.escaped(path)
        return text.utf8.count > shownPath
            ? "…" + String(decoding: text.utf8.suffix(shownPath), as: UTF8.self) : text
    }

    /// What was put into these folders since.
    package static func applied(to folders: [String], since moment: FileMoment) throws -> String? {
        let machine = try OperatorConfiguration.load(
            file: nil,
            directory: StateDirectories(
                environment: ProcessEnvironment.dictionary,
                home: HomeFolder.current
            ).configuration
        )
        guard machine.looksForHostRuns else { return nil }
        var search = WrittenSearch(
            FileRules(write: folders),
            since: moment,
            table: machine.hostRunTable,
            maximumEntries: machine.hostRunsEntries
        )
        while !search.isFinished { search.step(FolderWork.slice) }
        return text(of: search.written, "applied, and the host may run it:", "")
    }
}
