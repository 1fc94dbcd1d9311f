package import Model

/// The agents of one run, as their records show them.
package struct AgentTree: Sendable, Hashable, Codable {
    /// Empty for what was said of a principal, which is of no run.
    package let run: String
    /// `user:alice`: who started it.
    package let principal: String
    /// What its token proved, when the root agent was launched or lately; nil for the local user.
    package let proven: Principal?
    /// In the order they were launched: a parent stands before its children.
    package private(set) var agents: [AgentNode]
    /// Launches that were refused, in order.
    package let refusals: [LaunchRefusal]
    /// That the principal was cut off, or is no more: nothing in a run's.
    package internal(set) var revocations: [PrincipalRevocation] = []

    /// The agents without a parent.
    package var roots: [AgentNode] { agents.filter { $0.parent == nil } }

    /// Marks those that live now, by their ids.
    package mutating func mark(running ids: Set<String>) {
        for index in agents.indices {
            agents[index].isRunning = agents[index].ended == nil && ids.contains(agents[index].agent.text)
        }
    }

    /// One for each principal: `bailey serve` refuses root launches of several in one run.
    package var ofEachPrincipal: [AgentTree] {
        let groups = refusals.ofEachPrincipal(before: agents.isEmpty ? nil : principal)
        guard groups.count > 1 else { return [self] }
        return groups.map { principal, refusals in
            let isTheirs = !agents.isEmpty && principal.isSame(as: self.principal)
            var tree = AgentTree(
                run: run,
                principal: principal,
                proven: isTheirs ? proven : nil,
                agents: isTheirs ? agents : [],
                refusals: refusals
            )
            if isTheirs { tree.revocations = revocations }
            return tree
        }
    }

    package func children(of agent: AgentID) -> [AgentNode] { agents.filter { $0.parent == agent } }
}

/// One agent, what became of it and what it asked for.
package struct AgentNode: Sendable, Hashable, Codable {
    package let agent: AgentID
    package let parent: AgentID?
    package let name: String
    package let profile: String
    /// Its SPIFFE id; nil where none is on record.
    package let spiffe: String?
    package let argv: [String]
    /// The session that answered in place of every server; nil where servers did.
    package let replayed: String?
    package let started: Timestamp
    /// Nil when no end is recorded: it runs, or its supervisor was killed.
    package internal(set) var ended: AgentEnd?
    /// Distinct requests with how often they were made, and what befell them, in order; at most `maximumRequests`.
    package internal(set) var requests: [RequestCount] = []
    /// How many requests there were of each verdict, listed or not.
    package internal(set) var counts: [String: Int] = [:]

    /// The first time that it was named when agents were cut off, or lived when its principal was.
    ///
    /// Nil for those above which an agent was.
    package internal(set) var revoked: AgentRevocation?

    /// A supervisor says that it lives now.
    package internal(set) var isRunning = false

    /// Distinct requests of one agent that a tree lists.
    package static let maximumRequests = 100
}

/// How an agent ended.
package struct AgentEnd: Sendable, Hashable, Codable {
    /// The exit code, or 128 + signal.
    package let status: Int32
    package let cause: String?
    package let time: Timestamp
}

/// That an agent, and with it all below, was cut off, or its principal.
package struct AgentRevocation: Sendable, Hashable, Codable {
    /// The principal who said so.
    package let by: String
    package let reason: String?
    package let time: Timestamp
    package let keptRunning: Bool
    /// The principal was named, and not the agent.
    package let isOfPrincipal: Bool

    init(_ record: RevocationRecord, _ time: Timestamp) {
        by = record.by.subject
        reason = record.reason
        self.time = time
        keptRunning = record.keptRunning
        isOfPrincipal = false
    }

    init(_ revocation: PrincipalRevocation) {
        by = revocation.by
        reason = revocation.reason
        time = revocation.time
        keptRunning = revocation.keptRunning
        isOfPrincipal = true
    }

    /// `revoked by user:alice`; of a principal's agents that it is the principal who was.
    var words: String { (isOfPrincipal ? "principal " : "") + "revoked by \(TerminalText.escaped(by))" }
}

/// One request and how often it was made.
package struct RequestCount: Sendable, Hashable, Codable {
    package let action: String
    package let resource: String
    /// `allow`, `ask`, `deny`; `note` and `failed` of what befell one that was allowed, and is counted there.
    package let verdict: String
    /// Why it was refused or failed, or what is noted, in words.
    package let message: String?
    package let count: Int

    static let note = "note"
    static let failure = "failed"

    /// Not what befell another one.
    var isDecision: Bool { !verdict.isSame(as: Self.note) && !verdict.isSame(as: Self.failure) }
}

/// A launch that was refused.
package struct LaunchRefusal: Sendable, Hashable, Codable {
    /// Nil when the root launch itself was refused.
    package let parent: AgentID?
    /// For whom it was asked for.
    package let principal: String
    package let profile: String
    package let argv: [String]
    package let reason: String
    package let time: Timestamp

    /// `argv` is as much of the command line as is shown.
    init(_ record: SpawnRefusal, _ time: Timestamp, argv: [String]) {
        parent = record.parent?.agent.agent
        principal = record.principal.subject
        profile = record.profile
        self.argv = argv
        reason = record.reason
        self.time = time
    }
}

extension LaunchRefusal {
    /// `launch under pay for user:alice: make deploy: not allowed`: who asked, where no agent did.
    var told: String {
        "launch under \(TerminalText.escaped(profile))"
            + (parent == nil ? " for \(TerminalText.escaped(principal))" : "")
            + ": \(argv.commandText): \(TerminalText.joined(reason))"
    }
}

extension [LaunchRefusal] {
    /// Those of each principal, in the order of the first of each; `first`, if any, before all, and with none as well.
    func ofEachPrincipal(before first: String?) -> [(principal: String, refusals: [LaunchRefusal])] {
        var groups = first.map { [(principal: $0, refusals: [LaunchRefusal]())] } ?? []
        var places: [ByteText: Int] = [:]
        if let first { places[ByteText(first)] = 0 }
        for refusal in self {
            if let place = places[ByteText(refusal.principal)] {
                groups[place].refusals.append(refusal)
            } else {
                places[ByteText(refusal.principal)] = groups.count
                groups.append((refusal.principal, [refusal]))
            }
        }
        return groups
    }
}
