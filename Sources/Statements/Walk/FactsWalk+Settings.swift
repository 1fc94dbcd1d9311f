internal import Model

/// Whether a statement leaves the settings of its session alone.
extension FactsWalk {
    /// Whether every setting is surely as it was behind a statement: what is not known to leave them may change them.
    ///
    /// One that writes to `pg_settings` sets. What triggers and rules of the database do is not seen: a batch of rows in another
    /// script is more usual than one that sets how texts are read. The other statements of transactions end one.
    func keepsSettings(_ node: Node) throws(StatementFault) -> Bool {
        let isOfMode = node.shape.part == .setVariable
        let begins = node.shape.part == .transaction && Self.beginnings.contains(text("kind", of: node) ?? "")
        let idle = try idleKind(of: node)
        return deeds.allSatisfy { deed in
            guard !deed.callsUnknown else { return false }
            guard deed.kind != .transaction else { return isOfMode || begins }
            // Of a policy that is dropped.
            let isOfDrop = idle == .drop && deed.kind == .grant
            return deed.kind == idle || isOfDrop || deed.keepsSettings
        }
    }

    /// Transaction statements behind which every setting is as it was.
    private static let beginnings: Set = [
        "TRANS_STMT_BEGIN", "TRANS_STMT_START", "TRANS_STMT_SAVEPOINT", "TRANS_STMT_RELEASE",
    ]

    /// What a statement does at which the server runs nothing that somebody has written, but what it runs at rows as well.
    ///
    /// It keeps what is said of an object, and carries none of it out. What is not seen is the same as of SELECT and INSERT:
    /// triggers, and the check of a domain in the type of a literal. Nil for every statement that is not known to be one.
    private func idleKind(of node: Node) throws(StatementFault) -> SQLKind? {
        switch node.shape.name {
        case "CreateStmt": return try isPlainTable(node) ? .ddl : nil
        case "IndexStmt": return try isPlainIndex(node) ? .ddl : nil
        case "ViewStmt", "CreateSeqStmt", "CommentStmt": return .ddl
        case "DropStmt": return isPlainDrop(node) ? .drop : nil
        case "GrantStmt": return Self.granted.contains(text("objtype", of: node) ?? "") ? .grant : nil
        case "TruncateStmt": return .truncate
        // As INSERT; a WHERE is carried out for each row.
        case "CopyStmt":
            let isPlain = flag("is_from", of: node) && member("whereClause", of: node) == nil
            return isPlain ? .copyIn : nil
        default: return nil
        }
    }

    // MARK: Tables

    /// A table of columns and constraints alone: their expressions are kept for the rows to come.
    ///
    /// Those of partitions the server carries out as far as it can.
    private func isPlainTable(_ node: Node) throws(StatementFault) -> Bool {
        for field in ["inhRelations", "partbound", "partspec", "ofTypename"]
        where member(field, of: node) != nil { return false }
        for element in try nodes(member("tableElts", of: node)) {
            switch element.shape.name {
            case "ColumnDef":
                guard member("fdwoptions", of: element) == nil else { return false }
                for constraint in try nodes(member("constraints", of: element)) where !isPlain(constraint) {
                    return false
                }
            case "Constraint":
                guard isPlain(element) else { return false }
            default: return false
            }
        }
        return true
    }

    private func isPlain(_ constraint: Node) -> Bool {
        Self.constraints.contains(text("contype", of: constraint) ?? "")
    }

    /// But for generated columns and `EXCLUDE`, whose expressions it carries out as far as it can.
    private static let constraints: Set = [
        "CONSTR_NULL", "CONSTR_NOTNULL", "CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_CHECK",
        "CONSTR_PRIMARY",
        "CONSTR_UNIQUE", "CONSTR_FOREIGN", "CONSTR_ATTR_DEFERRABLE", "CONSTR_ATTR_NOT_DEFERRABLE",
        "CONSTR_ATTR_DEFERRED", "CONSTR_ATTR_IMMEDIATE",
    ]

    // MARK: Others

    /// An index on columns, with the operator classes of their types.
    ///
    /// A type may bring a function of anybody's (`subtype_diff`): what that sets, the server takes back (`AtEOXact_GUC` in
    /// DefineIndex).
    private func isPlainIndex(_ node: Node) throws(StatementFault) -> Bool {
        // `CONCURRENTLY` ends transactions.
        guard !flag("concurrent", of: node), member("whereClause", of: node) == nil,
            member("excludeOpNames", of: node) == nil
        else { return false }
        for field in ["indexParams", "indexIncludingParams"] {
            for element in try nodes(member(field, of: node)) {
                guard member("name", of: element) != nil, member("expr", of: element) == nil,
                    member("opclass", of: element) == nil, member("opclassopts", of: element) == nil
                else { return false }
            }
        }
        return true
    }

    private func isPlainDrop(_ node: Node) -> Bool {
        let sort = text("removeType", of: node) ?? ""
        return !flag("concurrent", of: node)
            && (Self.dropped.contains(sort) || Self.alsoDropped.contains(sort))
    }

    private static let alsoDropped: Set = [
        "OBJECT_SCHEMA", "OBJECT_TRIGGER", "OBJECT_RULE", "OBJECT_POLICY",
    ]

    /// On which rights are given: not on settings (`GRANT SET ON PARAMETER`), nor to roles to be another one.
    private static let granted: Set = [
        "OBJECT_TABLE", "OBJECT_SEQUENCE", "OBJECT_SCHEMA", "OBJECT_DATABASE", "OBJECT_FUNCTION",
        "OBJECT_PROCEDURE", "OBJECT_ROUTINE", "OBJECT_TYPE", "OBJECT_DOMAIN",
    ]
}

extension SQLDeed {
    /// It calls a function of which nobody knows what it does.
    fileprivate var callsUnknown: Bool {
        if case .function(_, isHarmless: false) = target { true } else { false }
    }

    /// It sets nothing.
    fileprivate var keepsSettings: Bool {
        switch kind {
        case .insert, .update, .delete, .merge, .select, .copyOut, .show, .prepare, .deallocate, .declare,
            .close, .lock, .listen, .notify,
            .unlisten:
            true
        default: false
        }
    }
}
