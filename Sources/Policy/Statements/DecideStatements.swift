package import Model

extension LineagePolicy {
    /// Decides all statements of one message: what they do has to be allowed, every deed, by every level.
    func decide(_ request: Request, _ sql: SQLRequest) -> Decision {
        let sought = SoughtEndpoint(request.endpoint)
        let database = Array(sql.database.text.utf8)
        let accesses = indexes.map { $0.accesses(at: sought, to: database) }
        let bindings = accesses.map { SessionBinding($0) }
        let session: DatabaseSession
        do {
            session = try self.session(request, bindings)
            try check(sql, request, leaves: session)
            try checkStream(sql, request, at: sought)
        } catch {
            return .deny(Refusal(verdict: .deny, denial: error, levels: []))
        }
        let statements = SoughtStatements(sql, in: session)
        let outcomes = zip(indexes, accesses).map { rules, accesses in
            LevelOutcome(of: statements, at: sought, by: rules, accesses)
        }
        let strictest = outcomes.map(\.verdict).max() ?? .deny
        return conclude(request, outcomes, strictest, in: session)
    }

    /// Which columns rules for a session's database may mask by name: all of them, whatever a statement does.
    package func maskedColumns(of opening: Request) -> Set<ColumnPattern> {
        guard case .sql(let sql) = opening.action else { return [] }
        let sought = SoughtEndpoint(opening.endpoint)
        let database = Array(sql.database.text.utf8)
        return indexes.reduce(into: []) { columns, rules in
            for access in rules.accesses(at: sought, to: database) {
                columns.formUnion(access.database.columns)
            }
        }
    }

    /// What rules for a session's database may mask by kind: all of it, whatever a statement does.
    package func maskedKinds(of opening: Request) -> MaskKinds {
        guard case .sql(let sql) = opening.action else { return [] }
        let sought = SoughtEndpoint(opening.endpoint)
        let database = Array(sql.database.text.utf8)
        return indexes.reduce(into: []) { kinds, rules in
            for access in rules.accesses(at: sought, to: database) { kinds.formUnion(access.masks) }
        }
    }

    /// What the rules of all levels for the database bind its sessions to.
    private func session(_ request: Request, _ bindings: [SessionBinding]) throws(Denial) -> DatabaseSession {
        guard var binding = bindings.first else { return DatabaseSession() }
        for other in bindings.dropFirst() { binding.add(other) }
        guard let key = binding.conflict else { return binding.session }
        let hop = bindings.firstIndex { $0.conflict != nil }.map { hops[$0] } ?? lineage.agent
        throw Denial(
            reason: .denied,
            message: "\(request) is refused: the rules for that database name different values of \(key)",
            rule: nil,
            decidedBy: hop,
            remedy: remedy(hop, "let the rules agree about \(key)")
        )
    }

    /// What is streamed cannot be masked: it is denied where any rule for what it shows masks.
    private func checkStream(
        _ sql: SQLRequest,
        _ request: Request,
        at sought: borrowing SoughtEndpoint
    ) throws(Denial) {
        guard sql.deeds.contains(where: { $0.kind == .replicationStream }) else { return }
        let database = sql.database == SQLRequest.cluster ? nil : Array(sql.database.text.utf8)
        for (level, rules) in indexes.enumerated() {
            let accesses = rules.accesses(at: sought, to: database)
            guard let masking = accesses.first(where: { !$0.masks.isEmpty || !$0.database.columns.isEmpty })
            else { continue }
            let place = "\(request.endpoint)/\(masking.database.name.text)"
            throw Denial(
                reason: .denied,
                message:
                    "\(request) is refused: what is streamed cannot be masked, and a rule of \(owner(level)) for "
                    + "\(place) masks",
                rule: nil,
                decidedBy: hops[level],
                remedy: remedy(hops[level], "let no rule for \(place) mask; what is selected is masked")
            )
        }
    }

    /// What rules bind a session to, no statement of it changes.
    private func check(
        _ sql: SQLRequest,
        _ request: Request,
        leaves session: DatabaseSession
    ) throws(Denial) {
        for deed in sql.deeds where session.isBroken(by: deed) {
            throw Denial(
                reason: .denied,
                message:
                    "\(deed) at \(request.endpoint)/\(sql.database) is refused: the rules for that database "
                    + "hold it fast",
                rule: nil,
                decidedBy: nil,
                remedy: "leave it as it is: a session begins with the value that the rules name"
            )
        }
    }
}

extension DatabaseSession {
    fileprivate func isBroken(by deed: SQLDeed) -> Bool {
        switch (deed.kind, deed.target) {
        // With all that a session has the role goes.
        case (.setRole, _), (.discard, .unnamed): role != nil
        case (.set, .object(let name)): pins(name.name)
        // Which setting it is nobody knows.
        case (.set, .unnamed): self != DatabaseSession(sslMode: sslMode)
        default: false
        }
    }
}
