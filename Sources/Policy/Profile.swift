package import Model

/// A merged profile: what one agent may touch.
///
/// Made by `Profiles` from text; every path is absolute, every variable is expanded, every rule has been
/// understood.
package struct Profile: Sendable, Hashable {
    package var name: String
    package var description: String
    package var files: FileRules
    package var environment: EnvironmentRules
    package var limits: Limits
    /// What comes on top of `default`; nil where the profile says nothing: the parent's, or `default` alone.
    package var systemCalls: SystemCallPolicy?
    /// Landlock's ABI that the kernel must have at least; nil where the profile demands none.
    package var landlock: Int?
    package var egress: [EgressRule]
    package var children: ChildRules
    /// Whether the bodies of its and its descendants' requests and replies are recorded.
    package var recording: Recording
    /// Whether its terminal is recorded, and those of its descendants.
    package var terminal: TerminalRecording
    /// Who may launch it, each of them a demand that has to be met.
    package var principals: [PrincipalPattern]
    /// What becomes of a run when its principal's token is over; nil where the profile says nothing.
    package var onExpiry: OnExpiry?
    /// SHA-256 of the merged profile's canonical text, lower-case hex.
    package var digest: String
    /// Rules that are for other principals than the one that it was applied to: they allow nothing, and refusals name them.
    package internal(set) var withheld: [EgressRule] = []

    package init(
        name: String,
        description: String = "",
        files: FileRules = FileRules(),
        environment: EnvironmentRules = EnvironmentRules(),
        limits: Limits = Limits(),
        systemCalls: SystemCallPolicy? = nil,
        landlock: Int? = nil,
        egress: [EgressRule] = [],
        children: ChildRules = ChildRules(),
        recording: Recording = .metadata,
        terminal: TerminalRecording = .off,
        principals: [PrincipalPattern] = [],
        onExpiry: OnExpiry? = nil,
        digest: String = ""
    ) {
        self.name = name
        self.description = description
        self.files = files
        self.environment = environment
        self.limits = limits
        self.systemCalls = systemCalls
        self.landlock = landlock
        self.egress = egress
        self.children = children
        self.recording = recording
        self.terminal = terminal
        self.principals = principals
        self.onExpiry = onExpiry
        self.digest = digest
    }
}

extension Profile {
    /// Takes from the parent's profile what this one leaves out: a limit or a filter left out is not lifted.
    package mutating func complete(by parent: Profile) {
        limits = limits.completed(by: parent.limits)
        systemCalls = systemCalls ?? parent.systemCalls
        landlock = landlock ?? parent.landlock
    }
}

/// What the agent sees of the file system on top of the base system view.
package struct FileRules: Sendable, Hashable {
    /// Read-only.
    ///
    /// Absolute paths without `.` or `..`.
    package var read: [String]
    /// Read-write.
    package var write: [String]
    /// Read-write in a layer above the host's folder, which stays as it is.
    package var copy: [String]
    /// Not there at all.
    package var hide: [String]
    /// Readable, never writable, also when absent.
    package var protect: [ProtectedPath]
    /// The same, in every folder that there is when the agent is launched.
    package var sought: [SoughtPath]
    /// Where the launch has found those.
    package var found = FoundProtections()
    /// What a child is held against has here what is private to the agent, and its own to share.
    var shared: [String] = []
    /// The same of all agents above it.
    var above: [FileRules] = []

    package init(
        read: [String] = [],
        write: [String] = [],
        copy: [String] = [],
        hide: [String] = [],
        protect: [ProtectedPath] = [],
        sought: [SoughtPath] = []
    ) {
        self.read = read
        self.write = write
        self.copy = copy
        self.hide = hide
        self.protect = protect
        self.sought = sought
    }
}

/// A path that an agent may read and never write.
package struct ProtectedPath: Sendable, Hashable {
    /// Absolute, without a slash at its end.
    package var path: String
    /// Written with a slash at its end: where nothing is there, an empty folder stands in for it, not an empty file.
    package var isFolder: Bool

    package init(path: String, isFolder: Bool = false) {
        self.path = path
        self.isFolder = isFolder
    }

    package static func == (left: ProtectedPath, right: ProtectedPath) -> Bool {
        left.text.isSame(as: right.text)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(ByteText(text)) }

    /// As a profile has it.
    package var text: String { isFolder ? path + "/" : path }
}

/// Which environment variables reach the agent.
package struct EnvironmentRules: Sendable, Hashable {
    /// Names or globs with `*`; everything else is scrubbed.
    package var pass: [String]
    package var set: [String: String]

    package init(pass: [String] = [], set: [String: String] = [:]) {
        self.pass = pass
        self.set = set
    }
}

/// Resource limits; nil where the profile says nothing.
package struct Limits: Sendable, Hashable {
    /// Bytes.
    package var memory: UInt64?
    package var processes: UInt64?
    /// Thousandths of a CPU.
    package var milliCPUs: UInt64?
    package var openFiles: UInt64?
    /// Milliseconds of wall-clock time.
    package var time: UInt64?
    /// Bytes of private writable storage (`/tmp`, the home directory).
    package var disk: UInt64?
    /// Whether `memory` and `cpus` are held as well as the machine can, where no control group holds them; nil where the
    /// profile says nothing.
    package var isBestEffort: Bool?

    /// Open files with which a launch surely comes about: some twenty-five descriptors are open while it does.
    package static let launchFiles: UInt64 = 32

    package init(
        memory: UInt64? = nil,
        processes: UInt64? = nil,
        milliCPUs: UInt64? = nil,
        openFiles: UInt64? = nil,
        time: UInt64? = nil,
        disk: UInt64? = nil,
        isBestEffort: Bool? = nil
    ) {
        self.memory = memory
        self.processes = processes
        self.milliCPUs = milliCPUs
        self.openFiles = openFiles
        self.time = time
        self.disk = disk
        self.isBestEffort = isBestEffort
    }

    /// These limits, and the parent's wherever there is none: a limit left out is not a limit lifted.
    package func completed(by parent: Limits) -> Limits {
        Limits(
            memory: memory ?? parent.memory,
            processes: processes ?? parent.processes,
            milliCPUs: milliCPUs ?? parent.milliCPUs,
            openFiles: openFiles ?? parent.openFiles,
            time: time ?? parent.time,
            disk: disk ?? parent.disk,
            isBestEffort: isBestEffort ?? parent.isBestEffort
        )
    }
}

/// One entry of `egress`.
package struct EgressRule: Sendable, Hashable {
    package var to: HostPattern
    /// Private, loopback and link-local upstream addresses are allowed for this pattern.
    package var privateAddresses: Bool
    package var allow: [ActionPattern]
    package var ask: [ActionPattern]
    package var deny: [ActionPattern]
    package var credential: String?
    /// What is masked in replies.
    package var masks: MaskKinds
    /// Secrets that requests may carry: of `Sending.words`.
    package var sends: MaskKinds
    /// Which databases, and what their sessions are bound to; nil for what is none.
    package var database: DatabaseRule?
    /// Whom it applies to; nil for everybody.
    package var principals: PrincipalPattern?
    /// What it demands of approvals, where it asks.
    package var approval: ApprovalTerms
    /// `ci.yaml:14`.
    package var source: String

    package init(
        to: HostPattern,
        privateAddresses: Bool = false,
        allow: [ActionPattern] = [],
        ask: [ActionPattern] = [],
        deny: [ActionPattern] = [],
        credential: String? = nil,
        masks: MaskKinds = [],
        sends: MaskKinds = [],
        database: DatabaseRule? = nil,
        principals: PrincipalPattern? = nil,
        approval: ApprovalTerms = ApprovalTerms(),
        source: String
    ) {
        self.to = to
        self.privateAddresses = privateAddresses
        self.allow = allow
        self.ask = ask
        self.deny = deny
        self.credential = credential
        self.masks = masks
        self.sends = sends
        self.database = database
        self.principals = principals
        self.approval = approval
        self.source = source
    }

    /// As a profile has it: `https://api.example.com`, `postgres://db.example.com/app`.
    package var place: String { "\(to)" + (database.map { "/\($0.name.text)" } ?? "") }

    /// Whether private upstream addresses may be dialled: the rule says so, or its pattern is such an address or
    /// a network that holds no other.
    package var reachesPrivateAddresses: Bool {
        switch to.hosts {
        case .name, .oneLabel, .anyLabels: privateAddresses
        case .address: true
        case .network(let network, let prefix): privateAddresses || network.isLocalNetwork(prefix: prefix)
        }
    }
}

/// One action word as written, and what it matches.
package struct ActionPattern: Sendable, Hashable {
    /// The understood form of an action word.
    package enum Match: Sendable, Hashable {
        /// `METHOD [/path/glob]`; a nil method is `*`. In the path `*` stands for one segment or a part of
        /// one, a segment `**` for any number of segments.
        case http(method: String?, path: PathGlob)
        /// `websocket [/path/glob]`.
        case webSocket(path: PathGlob)
        /// The one action of `tls` and `tcp`.
        case connect
        /// What a statement does.
        case sql(SQLPattern)
    }

    /// One kind of request.
    package struct Form: Sendable, Hashable {
        package var match: Match
        /// What else it asks of a request; nil for nothing.
        package var conditions: Conditions?

        package init(_ match: Match, _ conditions: Conditions? = nil) {
            (self.match, self.conditions) = (match, conditions)
        }
    }

    /// What it means: one kind of request; of git's verbs two, its opening and what follows.
    package var forms: [Form]
    /// What a server may take for the same; of `ask` and `deny` alone.
    package var likenesses: [Form]
    package var text: String
    /// `ci.yaml:15`.
    package var source: String

    package init(match: Match, conditions: Conditions? = nil, text: String, source: String) {
        self.init(forms: [Form(match, conditions)], text: text, source: source)
    }

    package init(forms: [Form], likenesses: [Form] = [], text: String, source: String) {
        self.forms = forms
        self.likenesses = likenesses
        self.text = text
        self.source = source
    }
}
