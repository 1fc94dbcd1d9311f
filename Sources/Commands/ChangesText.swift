internal import Audit
internal import Copies
internal import Foundation
internal import Model

/// Changes as people and programs read them: names are an agent's, and steer no terminal.
struct ChangesText {
    let changes: PendingChanges
    let isRunning: Bool

    static func safe(_ text: String) -> String { TerminalText.escaped(text) }

    /// A failure's lines, each safe by itself.
    static func safe(_ failure: CopyFailure) -> String {
        "\(failure)".cut(at: "\n").map { safe(String($0)) }.joined(separator: "\n")
    }

    /// One line for each folder; with `whole`, every change below it.
    func lines(whole: Bool) -> [String] {
        let record = changes.record
        let made = Timestamp(milliseconds: record.made / 1_000_000).text
        let head = "\(record.agent)  \(Self.safe(record.name)) (\(Self.safe(record.profile)))  \(made)"
        return [head + (isRunning ? "  running" : "")]
            + changes.folders.flatMap { part in
                whole ? Self.lines(of: part, withProblems: true) : ["  " + Self.summary(of: part)]
            }
    }

    private static func summary(of part: FolderChanges) -> String {
        let counts = [Change.Kind.added, .changed, .deleted, .type, .mode].compactMap { kind -> String? in
            let count = part.changes.count { $0.kind == kind }
            return count == 0 ? nil : "\(count) \(kind == .type ? "of another type" : kind.rawValue)"
        }
        return safe(part.folder.path) + ": "
            + (counts.isEmpty ? "as the host's" : counts.joined(separator: ", "))
    }

    static func lines(of part: FolderChanges, withProblems: Bool) -> [String] {
        ["  " + summary(of: part)]
            + part.changes.flatMap { change in
                ["    \(line(change))"]
                    + (withProblems ? change.problems.map { "        refused: \(safe($0.text))" } : [])
            }
    }

    private static func line(_ change: Change) -> String {
        let name = shown(change.path) + ((change.now ?? change.was)?.kind == .folder ? "/" : "")
        let modes = [change.was, change.now].compactMap { $0.map { octal($0.permissions) } }
        switch change.kind {
        case .added: return "+ \(name)" + (change.now.map { about($0) } ?? "")
        case .deleted: return "- \(name)"
        case .changed:
            let isNewMode = change.now?.kind == .file && change.now?.permissions != change.was?.permissions
            return "~ \(name)" + (isNewMode ? "  (mode \(modes.joined(separator: " to ")))" : "")
        case .mode: return "~ \(name)  (mode \(modes.joined(separator: " to ")))"
        case .type:
            let kinds = [change.was, change.now].compactMap { $0?.kind.rawValue }
            return "! \(name)  (\(kinds.joined(separator: " to ")))"
        }
    }

    private static func about(_ entry: Entry) -> String {
        switch entry.kind {
        case .file where entry.permissions & 0o111 != 0: "  (executable)"
        case .file, .folder: ""
        case .link, .pipe, .socket, .device: "  (\(entry.kind.rawValue))"
        }
    }

    /// A path that need be no text: what is none is shown byte by byte.
    private static func shown(_ path: EntryPath) -> String {
        if let text = path.text { return safe(text) }
        return path.bytes.map { byte in
            (0x20...0x7E).contains(byte) && byte != 0x5C
                ? String(UnicodeScalar(byte)) : "\\x" + CollectionOfOne(byte).hex
        }.joined()
    }

    private static func octal(_ mode: UInt32) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// One JSON object for each folder.
    func json() throws -> [String] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try changes.folders.map { part in
            let line = Line(changes.record, isRunning, part)
            return TerminalText.escapedJSON(String(decoding: try encoder.encode(line), as: UTF8.self))
        }
    }

    /// The JSON object's members.
    private struct Line: Encodable {
        let agent: String
        let name: String
        let profile: String
        let made: String
        let running: Bool
        let folder: String
        let changes: [Item]

        init(_ record: CopyRecord, _ isRunning: Bool, _ part: FolderChanges) {
            (agent, name, profile) = (record.agent, record.name, record.profile)
            made = Timestamp(milliseconds: record.made / 1_000_000).text
            running = isRunning
            folder = part.folder.path
            changes = part.changes.map(Item.init)
        }
    }

    /// One change.
    private struct Item: Encodable {
        let path: String
        /// Hexadecimal, where the path is no text.
        let bytes: String?
        let change: String
        let type: String?
        let mode: String?
        let hostType: String?
        let hostMode: String?
        let problems: [String]

        init(_ change: Change) {
            path = change.path.repairedText
            bytes =
                change.path.text == nil
                ? change.path.bytes.hex : nil
            self.change = change.kind.rawValue
            (type, mode) = (change.now?.kind.rawValue, change.now.map { octal($0.permissions) })
            (hostType, hostMode) = (change.was?.kind.rawValue, change.was.map { octal($0.permissions) })
            problems = change.problems.map(\.text)
        }
    }
}
