package import Model
internal import Synchronization

/// The profile of a recorded agent, as its launch says.
package struct RecordedProfile: Sendable, Hashable {
    package let name: String
    package let digest: String
    /// It was a text of the agent's that launched it, and its name anything.
    package let isOwnText: Bool
}

/// A session on record that can answer for its servers: those of a run, or of an agent and all below it.
package final class ServedSession: Sendable {
    /// As it was named.
    package let name: String
    /// The profile that its agent had; nil where its launch is not on record.
    package let profile: RecordedProfile?
    let run: String
    let index: AnswerIndex
    let reader: AuditReader
    let bodies: BodyReader
    /// How many of the replies of each slot have been given.
    private let given = Mutex<[Int: Int]>([:])

    /// Reads what is on record of a session.
    ///
    /// - Parameters:
    ///   - name: a run, or an agent's id.
    ///   - directory: the state directory.
    ///   - limits: how much of it is served.
    /// - Throws: `AuditStoreError` where there is none of that name, nothing of HTTP in it, or too much.
    package init(_ name: String, in directory: String, limits: AnswerLimits = AnswerLimits()) throws {
        self.name = name
        reader = try AuditReader(directory: directory)
        bodies = BodyReader(directory: directory)
        let scope = try Self.scope(name, in: reader)
        run = scope.run
        profile = try Self.profile(of: scope, in: reader)
        var builder = AnswerIndexBuilder(limits)
        do {
            try reader.requests(of: scope) { try builder.take($0) }
        } catch let excess as AnswerIndexBuilder.Excess {
            throw AuditStoreError(
                .database,
                "session \(name) \(excess.words), which is the most that is served; name an agent of it (RUN.N)"
            )
        }
        let cut = builder.cut
        index = builder.finish()
        guard !index.asked.isEmpty else {
            let why =
                cut > 0
                ? "of all its requests of HTTP path, query or header fields are longer than what is on record"
                : "no request of HTTP that was allowed is on record"
            throw AuditStoreError(.database, "nothing of session \(name) can be served: \(why)")
        }
    }

    /// What answers in place of every server; `masked` gives a text as records of now would have it.
    package func answers(masking masked: @escaping @Sendable (String) -> String) -> any AnswerSource {
        SessionAnswers(session: self, masked: masked)
    }

    private static func scope(_ name: String, in reader: AuditReader) throws -> ReplayScope {
        if let agent = AgentID(name), try reader.has(AuditQuery(agent: agent)) { return .agent(agent) }
        if try reader.has(AuditQuery(run: name)) { return .run(name) }
        throw AuditStoreError(
            .database,
            "there is no session '\(TerminalText.escaped(name))' to serve: name a run or an agent (RUN.N) that "
                + "`bailey tree --all` shows; a session with a database is not served"
        )
    }

    private static func profile(of scope: ReplayScope, in reader: AuditReader) throws -> RecordedProfile? {
        var query = AuditQuery(run: scope.run)
        var agent: AgentID?
        if case .agent(let named) = scope {
            query = AuditQuery(agent: named)
            agent = named
        }
        var found: RecordedProfile?
        try reader.records(matching: query) { record in
            guard case .spawn(let spawn) = record.entry else { return true }
            let hop = spawn.lineage.agent
            guard agent.map({ $0 == hop.agent }) ?? spawn.lineage.ancestors.isEmpty else { return true }
            found = RecordedProfile(
                name: hop.profile,
                digest: hop.profileDigest,
                isOwnText: spawn.ownText == true
            )
            return false
        }
        return found
    }

    /// The next of the replies to equal requests, and the last again where there is no more.
    func next(of slot: Int) -> AnswerIndex.Place? {
        let places = index.slots[slot]
        let count = given.withLock { given in
            defer { given[slot, default: 0] += 1 }
            return given[slot, default: 0]
        }
        return count < places.count ? places[count] : places.last
    }
}
