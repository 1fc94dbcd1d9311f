internal import Model

/// Statements about a session, and those that hold others.
extension FactsWalk {
    // MARK: Settings

    mutating func visitSet(_ node: Node) throws(StatementFault) {
        switch text("kind", of: node) {
        case "VAR_SET_MULTI": try visitModes(node, "args", isSession: text("name", of: node) != "TRANSACTION")
        // A session goes back to the values that it began with.
        case "VAR_RESET_ALL": try add(.discard, .nothing)
        case "VAR_SET_VALUE", "VAR_SET_DEFAULT", "VAR_SET_CURRENT", "VAR_RESET":
            guard let name = text("name", of: node) else { throw .unknown("a setting without a name") }
            try addSetting(name)
        default: throw .unknown("a sort of SET")
        }
        var inner = Context()
        inner.calls = .set
        try visitFields(of: node, inner)
    }

    mutating func visitShow(_ node: Node) throws(StatementFault) {
        guard let name = text("name", of: node) else { throw .unknown("a setting without a name") }
        let isAll = name.lowercasedASCII.isSame(as: "all")
        try add(.show, isAll ? .unnamed : .object(SQLName(name: ByteText(name.lowercasedASCII))))
    }

    private static let readOnly = "transaction_read_only"

    /// What a transaction is like: only that it may write is a setting that a rule could hold fast.
    private mutating func visitModes(
        _ node: Node,
        _ field: String,
        isSession: Bool
    ) throws(StatementFault) {
        try add(.transaction, .nothing)
        for mode in try nodes(member(field, of: node)) where text("defname", of: mode) == Self.readOnly {
            guard let value = try nodes(member("arg", of: mode)).first, value.shape.name == "A_Const",
                let number = part("ival", of: value), let octets = member("ival", of: number),
                tape.raw(octets).elementsEqual("1".utf8)
            else {
                let name = (isSession ? "default_" : "") + Self.readOnly
                try add(.set, .object(SQLName(name: ByteText(name))))
                continue
            }
        }
    }

    mutating func visitTransaction(_ node: Node) throws(StatementFault) {
        try visitModes(node, "options", isSession: false)
        try visitFields(of: node, Context())
    }

    // MARK: Statements within statements

    mutating func visitPrepare(_ node: Node, _ context: Context) throws(StatementFault) {
        try add(.prepare, .nothing)
        try visitFields(of: node, context)
    }

    mutating func visitExecute(_ node: Node, _ context: Context) throws(StatementFault) {
        try add(.execute, .nothing)
        var inner = context
        inner.calls = .execute
        try visitFields(of: node, inner)
    }

    /// With `ANALYZE` what is explained is done; without, it is planned, which reads of the tables and calls functions
    /// that never change their value.
    mutating func visitExplain(_ node: Node, _ context: Context) throws(StatementFault) {
        try add(.explain, .nothing)
        guard !(try analyzes(node)) else { return try visitFields(of: node, context) }
        for deed in try apart({ walk throws(StatementFault) in try walk.visitFields(of: node, context) }) {
            try add(.explain, deed.target)
        }
    }

    private func analyzes(_ node: Node) throws(StatementFault) -> Bool {
        for option in try nodes(member("options", of: node)) where text("defname", of: option) == "analyze" {
            guard let value = try nodes(member("arg", of: option)).first else { return true }
            let word = text("sval", of: value)?.lowercasedASCII
            let isOff = word.map { ["false", "off"].holds(bytes: $0) } ?? false
            let isZero = value.shape.name == "Integer" && member("ival", of: value) == nil
            if !isOff, !isZero { return true }
        }
        return false
    }
}

extension FactsWalk {
    /// The facts of a statement, what it does noted.
    func facts(of node: Node) throws(StatementFault) -> StatementFacts {
        var facts = StatementFacts(deeds: deeds)
        let isElsewhere = flag("is_program", of: node) || text("filename", of: node) != nil
        facts.copies = node.shape.part == .copy && !isElsewhere
        facts.leavesBehind = deeds.contains { $0.kind == .prepare || $0.kind == .declare }
        facts.changesSettings = try !keepsSettings(node)
        let namesSecrets =
            SecretStatements.names.contains(node.shape.name) || deeds.contains(where: \.takesSecrets)
        facts.holdsSecrets = try namesSecrets ? true : hasForeignOptions(node)
        return facts
    }
}
