internal import Model
internal import Policy

/// What rules for `postgres` say beside their actions.
extension ProfileParser {
    /// Schemas of a search_path; the server's own has two.
    private static let maximumPath = 16

    /// `to`, of a database with its name.
    mutating func target(_ node: YAMLNode) -> (to: HostPattern, database: WordGlob?)? {
        guard let text = node.text("to", &errors) else { return nil }
        do throws(TextProblem) {
            guard text.begins(with: Scheme.postgres.rawValue + "://") else {
                return (try HostPatternText.parse(text), nil)
            }
            let (to, database) = try DatabaseText.cut(text)
            return (try HostPatternText.parse(to), database)
        } catch {
            errors.report(error, in: node)
            return nil
        }
    }

    /// Its keys; of another rule each is an error.
    mutating func database(_ rule: YAMLMapping, _ name: WordGlob?, _ scheme: Scheme) -> DatabaseRule? {
        guard let name else {
            for entry in rule.entries where DatabaseText.keys.holds(bytes: entry.key) {
                errors.report(
                    "\(entry.key) works on postgres only, not \(scheme.rawValue)",
                    at: entry.keyPosition
                )
            }
            return nil
        }
        var database = DatabaseRule(name: name)
        database.role = rule["role"].flatMap { self.name($0, "role") }
        database.searchPath = searchPath(rule["search_path"])
        database.statementTimeout = timeout(rule["statement_timeout"])
        database.isReadOnly = rule["read_only"]?.boolean("read_only", &errors) ?? false
        let modes = DatabaseSession.SSLMode.allCases.map(\.rawValue)
        database.sslMode = rule["sslmode"]?.word("sslmode", of: modes, &errors)
            .flatMap(DatabaseSession.SSLMode.init(rawValue:))
        return database
    }

    private mutating func name(_ node: YAMLNode, _ key: String) -> ByteText? {
        guard let text = node.text(key, &errors) else { return nil }
        guard DatabaseText.isName(text) else {
            errors.report("\(key): \"\(text)\" is not a name", at: node.position)
            return nil
        }
        return ByteText(text)
    }

    private mutating func searchPath(_ node: YAMLNode?) -> [ByteText]? {
        guard let node, let items = node.list("search_path", &errors) else { return nil }
        guard (1...Self.maximumPath).contains(items.count) else {
            errors.report("search_path has 1 to \(Self.maximumPath) schemas", at: node.position)
            return nil
        }
        return items.compactMap { name($0, "search_path") }
    }

    private mutating func timeout(_ node: YAMLNode?) -> UInt64? {
        guard let node, let text = node.text("statement_timeout", &errors) else { return nil }
        do throws(TextProblem) {
            let milliseconds = try Quantity.duration(text)
            // The setting is an int of milliseconds.
            guard milliseconds <= UInt64(Int32.max) else {
                throw TextProblem("\"\(text)\" is longer than PostgreSQL can hold to", suggestion: "24h")
            }
            return milliseconds
        } catch {
            errors.report(error, in: node)
            return nil
        }
    }
}
