/// One record of the audit log, before it is chained and signed.
///
/// Secrets and token-shaped values are masked by the sink before anything is written.
package enum AuditEntry: Sendable, Hashable, Codable {
    case spawn(SpawnRecord)
    case spawnRefused(SpawnRefusal)
    case exit(ExitRecord)
    case request(RequestRecord)
    case replies(RepliesRecord)
    case revocation(RevocationRecord)
    case approval(ApprovalRecord)
    case custody(CustodyRecord)
    case renewal(RenewalRecord)
}

/// An agent was launched.
///
/// Written before its program runs.
package struct SpawnRecord: Sendable, Hashable, Codable {
    package let lineage: Lineage
    package let argv: [String]
    package let workingDirectory: String
    package let workspace: String
    /// Path of the program that runs, and its SHA-256 in lower-case hex; nil when it could not be read.
    package let program: String
    package let programDigest: String?
    /// Which mechanism holds which limit: `memory: cgroup v1`, `time: supervisor`.
    package let limits: [String: String]
    /// Isolation that was given up by `--allow-degraded NAME`; `cgroups` also where the profile says `enforced: best-effort`
    /// and a limit is not held for all below the agent together.
    package let degraded: [String]
    /// The system call policy: `default`, `strict`, or a name with its digest; nil in records from before there was a choice.
    package let systemCalls: String?
    /// Which mechanism does what, where machines differ: `landlock: ABI 4: no walls around …`; nil in older records.
    package let mechanisms: [String: String]?
    /// The principal with all that its token proved, until when; nil for the local user, who is in the lineage.
    package let principal: Principal?
    /// The agent's SPIFFE id; nil in older records, and where it would be too long for one.
    package let spiffe: String?
    /// Id of the approval that was spent on it; nil where no rule asked.
    package let approval: String?
    /// How its terminal is recorded; nil where it is not, or it has none.
    package let terminal: TerminalRecording?
    /// Its profile is a text of the agent's that launched it, which may have any name, and none of the operator's; nil in older
    /// records.
    package let ownText: Bool?
    /// The session that answers in place of every server: a run, or an agent; nil where servers do.
    package let replayed: String?

    package init(
        lineage: Lineage,
        argv: [String],
        workingDirectory: String,
        workspace: String,
        program: String,
        programDigest: String?,
        limits: [String: String],
        degraded: [String],
        systemCalls: String? = nil,
        mechanisms: [String: String]? = nil,
        spiffe: String? = nil,
        approval: String? = nil,
        terminal: TerminalRecording? = nil,
        ownText: Bool? = nil,
        replayed: String? = nil
    ) {
        self.lineage = lineage
        self.argv = argv
        self.workingDirectory = workingDirectory
        self.workspace = workspace
        self.program = program
        self.programDigest = programDigest
        self.limits = limits
        self.degraded = degraded
        self.systemCalls = systemCalls
        self.mechanisms = mechanisms
        self.principal = lineage.principal.issuer == nil ? nil : lineage.principal
        self.spiffe = spiffe
        self.approval = approval
        self.terminal = terminal
        self.ownText = ownText
        self.replayed = replayed
    }
}

/// A launch was asked for and refused.
package struct SpawnRefusal: Sendable, Hashable, Codable {
    /// The lineage of the agent that asked; nil when the root launch itself was refused.
    package let parent: Lineage?
    package let principal: Principal
    package let profile: String
    package let argv: [String]
    package let reason: String

    package init(parent: Lineage?, principal: Principal, profile: String, argv: [String], reason: String) {
        self.parent = parent
        self.principal = principal
        self.profile = profile
        self.argv = argv
        self.reason = reason
    }
}

/// An agent ended.
package struct ExitRecord: Sendable, Hashable, Codable {
    package let lineage: Lineage
    /// The exit code, or 128 + signal.
    package let status: Int32
    /// Why, when it was not the program's own doing: `time limit`, `memory limit`, `parent ended`.
    package let cause: String?
    /// What of a root agent's writing the host may run; nil for others, and where nobody looked.
    package let written: WrittenFiles?
    /// What is kept of its terminal; nil where that was not recorded.
    package let terminal: RecordedTerminal?
    /// What was masked between it and its parent, by `credential on stdout`, `token on stdin`; nil for nothing.
    package let masked: [String: UInt64]?

    package init(
        lineage: Lineage,
        status: Int32,
        cause: String?,
        written: WrittenFiles? = nil,
        terminal: RecordedTerminal? = nil,
        masked: [String: UInt64]? = nil
    ) {
        self.lineage = lineage
        self.status = status
        self.cause = cause
        self.written = written
        self.terminal = terminal
        self.masked = masked
    }
}

/// Files that changed while a run lasted and that the host may execute later.
package struct WrittenFiles: Sendable, Hashable, Codable {
    package struct File: Sendable, Hashable, Codable {
        package let path: String
        /// Who runs it, and when.
        package let reason: String

        package init(path: String, reason: String) {
            (self.path, self.reason) = (path, reason)
        }
    }

    package var files: [File]
    /// How many more there are.
    package var more: Int
    /// Whether everything was looked at.
    package var isWhole: Bool
    /// Why nobody looked: `host-runs: off`; nil where somebody did.
    package var unlooked: String?

    package init(files: [File] = [], more: Int = 0, isWhole: Bool = true, unlooked: String? = nil) {
        (self.files, self.more, self.isWhole, self.unlooked) = (files, more, isWhole, unlooked)
    }
}

/// A request was decided, which is written before anything is sent upstream; or, later, what befell one that was allowed.
package struct RequestRecord: Sendable, Hashable, Codable {
    package let lineage: Lineage
    /// `GET /path`, `connect`.
    package let action: String
    /// `https://api.example.com`.
    package let resource: String
    /// What tells it from every other request of its run, where it was allowed; its reply has the same, and so have the
    /// records of what befell it.
    package let exchange: UInt64?
    /// The connection that it came over, by the number that the evidence of its process has; nil where nobody looks.
    package let connection: UInt64?
    /// The query, without its question mark, and the header fields, before a credential is put in; nil where no request
    /// was read.
    package let query: String?
    package let fields: HeadFields?
    /// The text of the statements; nil for what are none.
    package let statement: RecordedStatement?
    /// The database that it is for; nil for what is none's, and in older records.
    package let database: String?
    package let verdict: Effect
    /// What every level said, root first.
    package let levels: [LevelVerdict]
    /// The denial's reason and message; nil when allowed.
    package let reason: Denial.Reason?
    package let message: String?
    /// Name of the credential that was put in; never its value.
    package let credential: String?
    /// Id of the approval that was spent on it, or of the question that came to nothing.
    package let approval: String?
    /// What was masked in the reply: values of a kind, and rows with a column, by `email` and `column public.users.ssn`; nil for
    /// what is no note of that.
    package let masked: [String: UInt64]?

    /// What a record is of.
    package enum Matter: Sendable, Hashable {
        case decision
        /// Something that was masked in the reply to a request that was allowed.
        case note
        /// The end of a request that was allowed: its server was not reached, something in it must not leave.
        case failure
    }

    package var matter: Matter {
        if verdict == .allow { return levels.isEmpty ? .note : .decision }
        return exchange == nil ? .decision : .failure
    }

    /// Not refused: a statement that went to be prepared, each execution of which is asked about.
    package var isPostponed: Bool { verdict == .ask && reason == nil }

    package init(
        lineage: Lineage,
        action: String,
        resource: String,
        exchange: UInt64? = nil,
        connection: UInt64? = nil,
        query: String? = nil,
        fields: HeadFields? = nil,
        statement: RecordedStatement? = nil,
        database: String? = nil,
        verdict: Effect,
        levels: [LevelVerdict],
        reason: Denial.Reason? = nil,
        message: String? = nil,
        credential: String? = nil,
        approval: String? = nil,
        masked: [String: UInt64]? = nil
    ) {
        self.lineage = lineage
        self.action = action
        self.resource = resource
        self.exchange = exchange
        self.connection = connection
        self.query = query
        self.fields = fields
        self.statement = statement
        self.database = database
        self.verdict = verdict
        self.levels = levels
        self.reason = reason
        self.message = message
        self.credential = credential
        self.approval = approval
        self.masked = masked
    }
}
