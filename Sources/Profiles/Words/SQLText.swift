internal import Model
internal import Policy
internal import Statements

/// Reads the action words of statements: `delete on public.* with where`, `select calling app.*`.
enum SQLText {
    /// The kinds, the longest first: of `copy in` and `copy`, `set role` and `set`.
    private static let kinds = SQLKind.allCases.sorted { $0.rawValue.utf8.count > $1.rawValue.utf8.count }
    static let every = "*"

    static func pattern(_ text: String) throws(TextProblem) -> SQLPattern {
        let kind = kinds.first { text.isSame(as: $0.rawValue) || text.begins(with: $0.rawValue + " ") }
        let word = kind?.rawValue ?? every
        guard kind != nil || text.isSame(as: every) || text.begins(with: every + " ") else {
            let first = text.cut(at: " ").first.map(String.init) ?? text
            throw TextProblem(
                "unknown action \"\(text)\"; bailey profile words postgres lists them",
                suggestion: NearestWord.nearest(
                    to: first.lowercasedASCII,
                    in: kinds.map(\.rawValue) + [every]
                )
            )
        }
        var rest = text.dropFirst(bytes: word.utf8.count)
        let hasWhere = try whereWord(&rest, kind)
        return SQLPattern(kind, try target(rest, kind, text), hasWhere: hasWhere)
    }

    /// Takes `with where` or `without where` off the end.
    private static func whereWord(_ rest: inout Substring, _ kind: SQLKind?) throws(TextProblem) -> Bool? {
        for (word, value) in [(" with where", true), (" without where", false)] where rest.ends(with: word) {
            guard let kind, kind.takesWhere else {
                throw TextProblem(
                    "\"\(word.dropFirst(bytes: 1))\" stands behind select, update and delete only"
                )
            }
            rest = rest.dropLast(bytes: word.utf8.count)
            return value
        }
        return nil
    }

    private static func target(
        _ rest: Substring,
        _ kind: SQLKind?,
        _ text: String
    ) throws(TextProblem) -> SQLPattern.Target {
        guard !rest.isEmpty else { return .any }
        let words = rest.cut(at: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[0].isEmpty, !words[2].isEmpty else { throw unreadable(text) }
        let offset = text.unicodeScalars.count - words[2].unicodeScalars.count
        switch words[1] {
        case "on": return .objects(try object(words[2], kind, offset))
        case "calling": return .functions(try function(words[2], offset))
        default: throw unreadable(text)
        }
    }

    private static func unreadable(_ text: String) -> TextProblem {
        TextProblem(
            "\"\(text)\" is not an action; it is written KIND, KIND on SCHEMA.NAME or KIND calling FUNCTION, and "
                + "with where or without where behind the first two"
        )
    }

    private static func object(
        _ text: Substring,
        _ kind: SQLKind?,
        _ offset: Int
    ) throws(TextProblem) -> NamePattern {
        let objects = kind?.objects ?? .inSchemas
        let parts = text.cut(at: ".", omittingEmptySubsequences: false)
        switch objects {
        case .none:
            throw TextProblem("\(kind?.rawValue ?? every) has nothing that \"on\" could name", offset: offset)
        case .plain:
            // The names of extensions' settings have a dot in them.
            guard text.utf8.allSatisfy(isGlobByte) else { throw notGlob(text, offset) }
            return NamePattern(name: WordGlob(text.lowercasedASCII))
        case .inSchemas:
            guard parts.count == 2 else {
                throw TextProblem(
                    "\"\(text)\" is not SCHEMA.NAME; * stands for every schema",
                    suggestion: parts.count == 1 ? "*.\(text)" : nil,
                    offset: offset
                )
            }
            return NamePattern(schema: try glob(parts[0], offset), name: try glob(parts[1], offset))
        }
    }

    private static func function(_ text: Substring, _ offset: Int) throws(TextProblem) -> NamePattern {
        let parts = text.cut(at: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let name = parts.last else { throw notGlob(text, offset) }
        let schema = parts.count == 2 ? try glob(parts[0], offset) : nil
        return NamePattern(schema: schema, name: try glob(name, offset))
    }

    private static func glob(_ text: Substring, _ offset: Int) throws(TextProblem) -> WordGlob {
        guard !text.isEmpty, text.utf8.count <= NamePattern.maximumName, text.utf8.allSatisfy(isGlobByte)
        else {
            throw notGlob(text, offset)
        }
        return WordGlob(String(text))
    }

    private static func notGlob(_ text: Substring, _ offset: Int) -> TextProblem {
        TextProblem(
            "\"\(text)\" is not a name or a glob over one: names stand as the server spells them, without quotes, "
                + "and * for any part of one",
            offset: offset
        )
    }

    private static func isGlobByte(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte != 0x7F && !"\"'();,".utf8.contains(byte)
    }

    /// `postgres://db.example.com/app select * from t`: an endpoint and statements.
    static func request(_ text: String) throws(TextProblem) -> Request {
        let end = text.firstPlace(of: " ") ?? text.endIndex
        let (to, database) = try DatabaseText.cut(String(text[..<end]))
        guard !database.hasStar else { throw TextProblem("a request goes to one database, not to a pattern") }
        let pattern = try HostPatternText.parse(to)
        let host: Host
        switch pattern.hosts {
        case .name(let name): host = .name(name)
        case .address(let address): host = .address(address)
        case .oneLabel, .anyLabels, .network:
            throw TextProblem("a request goes to one host, not to a pattern")
        }
        let statements = end == text.endIndex ? "" : String(text.rest(behind: end))
        let deeds: [SQLDeed]
        switch StatementReader.read(Array(statements.utf8)) {
        case .success(let facts): deeds = facts.deeds
        case .failure(let fault):
            let offset = text[..<end].unicodeScalars.count + 1
            guard let command = ReplicationCommand(Array(statements.utf8)) else {
                throw TextProblem("the statements are denied: \(fault)", offset: offset)
            }
            let cluster = SQLRequest.cluster.text
            guard !command.isOfCluster || database.text.isSame(as: cluster) else {
                throw TextProblem(
                    "this is about the whole server, and denied in a session with one of its databases: ask about the "
                        + "database \"\(cluster)\"",
                    offset: offset
                )
            }
            deeds = command.deeds
        }
        return Request(
            endpoint: Endpoint(scheme: .postgres, host: host, port: pattern.port),
            action: .sql(SQLRequest(database: ByteText(database.text), deeds: deeds))
        )
    }
}
