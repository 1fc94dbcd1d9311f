package import Model

/// A command of the streaming replication protocol (PostgreSQL 15, "Streaming Replication Protocol"), as the server's
/// own grammar has it (repl_gram.y); what is written otherwise is none.
///
/// SHOW is not among them: it is SQL as well, and does the same.
package struct ReplicationCommand: Sendable, Hashable {
    package let deeds: [SQLDeed]
    /// What it gives is streamed: COPY in both directions, or out.
    package let streams: Bool
    /// It is about every database of the server, whichever the session is with.
    package let isOfCluster: Bool

    fileprivate init(doing deeds: [SQLKind], streams: Bool = false, isOfCluster: Bool = false) {
        self.deeds = deeds.map { SQLDeed($0, $0.isOfReplication ? .nothing : .unnamed) }
        self.streams = streams
        self.isOfCluster = isOfCluster
    }

    /// Nil for what is no such command, is not ASCII, or is too long to be one.
    package init?(_ text: [UInt8]) {
        guard text.count <= StatementCache.maximumText, let tokens = ReplicationToken.tokens(of: text)
        else { return nil }
        var parser = ReplicationParser(tokens)
        guard let command = parser.command() else { return nil }
        self = command
    }

    /// What the server takes for a command of replication by its first word, whatever stands behind that.
    package static func begins(_ text: [UInt8]) -> Bool {
        let start = text.drop(while: ReplicationToken.isBlank).prefix(longestWord + 1)
        let word = String(decoding: start.prefix(while: ReplicationToken.isOfWord), as: Unicode.UTF8.self)
        return words.holds(bytes: word.lowercasedASCII)
    }

    private static let words = [
        "base_backup", "create_replication_slot", "drop_replication_slot", "identify_system",
        "read_replication_slot", "start_replication", "timeline_history",
    ]
    private static let longestWord = words.map(\.utf8.count).max() ?? 0
}

extension SQLKind {
    fileprivate var isOfReplication: Bool {
        self == .replication || self == .replicationSlot || self == .replicationStream
    }
}

/// Reads one command.
private struct ReplicationParser {
    private var tokens: ArraySlice<ReplicationToken>

    init(_ tokens: [ReplicationToken]) { self.tokens = tokens[...] }

    mutating func command() -> ReplicationCommand? {
        guard let command = firstCommand() else { return nil }
        _ = takes(.semicolon)
        return tokens.isEmpty ? command : nil
    }

    private mutating func firstCommand() -> ReplicationCommand? {
        guard case .word(let word) = tokens.popFirst() else { return nil }
        let reads = ReplicationCommand(doing: [.replication])
        switch word {
        case "identify_system": return reads
        case "timeline_history": return takes(.number) ? reads : nil
        case "read_replication_slot": return takesName() ? reads : nil
        case "create_replication_slot": return createSlot()
        case "drop_replication_slot":
            guard takesName() else { return nil }
            _ = takes("wait")
            return ReplicationCommand(doing: [.replicationSlot])
        case "start_replication": return start()
        case "base_backup": return backup()
        default: return nil
        }
    }

    private mutating func createSlot() -> ReplicationCommand? {
        guard takesName() else { return nil }
        _ = takes("temporary")
        var kinds: [SQLKind] = [.replicationSlot]
        // Keeps the log of all of the server.
        let isPhysical = takes("physical")
        if !isPhysical {
            guard takes("logical"), let plugin = takeName() else { return nil }
            // A path: the server loads what lies there, as LOAD does.
            if plugin.utf8.contains(UInt8(ascii: "/")) { kinds.append(.load) }
        }
        if case .leftParenthesis = tokens.first {
            guard options() != nil else { return nil }
        } else {
            while takes(anyOf: Self.slotWords) {}
        }
        return ReplicationCommand(doing: kinds, isOfCluster: isPhysical)
    }

    /// As servers before 15 have them, and 15 takes them.
    private static let slotWords = [
        "export_snapshot", "noexport_snapshot", "use_snapshot", "reserve_wal", "two_phase",
    ]

    private mutating func start() -> ReplicationCommand? {
        let hasSlot = takes("slot")
        if hasSlot, !takesName() { return nil }
        if hasSlot, takes("logical") {
            guard takes(.position) else { return nil }
            if case .leftParenthesis = tokens.first, options() == nil { return nil }
            return ReplicationCommand(doing: [.replicationStream], streams: true)
        }
        _ = takes("physical")
        guard takes(.position) else { return nil }
        if takes("timeline"), !takes(.number) { return nil }
        return ReplicationCommand(doing: [.replicationStream], streams: true, isOfCluster: true)
    }

    private mutating func backup() -> ReplicationCommand? {
        var kinds: [SQLKind] = [.replicationStream]
        if case .leftParenthesis = tokens.first {
            guard let options = options() else { return nil }
            let targets = options.filter { $0.name.isSame(as: "target") }
            // The server takes no option twice.
            guard targets.count <= 1 else { return nil }
            for (_, value) in targets {
                if let kind = Self.kind(ofTarget: value) { kinds.append(kind) }
            }
        } else {
            while let word = takeWord(anyOf: Self.backupWords) {
                let isPlain = Self.plainBackupWords.holds(bytes: word)
                guard isPlain || takesString() || takes(.number) else { return nil }
            }
        }
        return ReplicationCommand(doing: kinds, streams: true, isOfCluster: true)
    }

    private static let plainBackupWords = [
        "progress", "fast", "wal", "nowait", "tablespace_map", "noverify_checksums",
    ]
    private static let backupWords =
        plainBackupWords + ["label", "max_rate", "manifest", "manifest_checksums"]

    /// What a backup does that does not go to the client: the server writes it to its own files, or an extension
    /// of it does what it likes (`shell` runs a program).
    private static func kind(ofTarget target: String?) -> SQLKind? {
        switch target {
        case "client", "blackhole": nil
        case "server": .copyFile
        default: .copyProgram
        }
    }

    /// `(name, name value, …)`: their names in small letters.
    private mutating func options() -> [(name: String, value: String?)]? {
        guard takes(.leftParenthesis) else { return nil }
        var options: [(name: String, value: String?)] = []
        repeat {
            guard let name = takeName() else { return nil }
            options.append((name.lowercasedASCII, takeValue()))
        } while takes(.comma)
        return takes(.rightParenthesis) ? options : nil
    }

    private mutating func takeValue() -> String? {
        switch tokens.first {
        case .word(let text), .quoted(let text), .string(let text):
            tokens.removeFirst()
            return text
        case .number:
            tokens.removeFirst()
            return ""
        default: return nil
        }
    }

    /// Of a slot, a plugin or an option.
    private mutating func takeName() -> String? {
        switch tokens.first {
        case .word(let text), .quoted(let text):
            tokens.removeFirst()
            return text
        default: return nil
        }
    }

    private mutating func takesName() -> Bool { takeName() != nil }

    private mutating func takesString() -> Bool {
        guard case .string = tokens.first else { return false }
        tokens.removeFirst()
        return true
    }

    private mutating func takes(_ word: String) -> Bool { takeWord(anyOf: [word]) != nil }

    private mutating func takes(anyOf words: [String]) -> Bool { takeWord(anyOf: words) != nil }

    private mutating func takeWord(anyOf words: [String]) -> String? {
        guard case .word(let text) = tokens.first, words.holds(bytes: text) else { return nil }
        tokens.removeFirst()
        return text
    }

    private mutating func takes(_ token: ReplicationToken) -> Bool {
        guard tokens.first == token else { return false }
        tokens.removeFirst()
        return true
    }
}
