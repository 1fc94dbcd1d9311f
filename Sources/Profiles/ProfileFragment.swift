internal import Model
internal import Policy

/// A value with the place that said it, `ci.yaml:14`.
struct Sourced<Value: Sendable & Hashable>: Sendable, Hashable {
    let value: Value
    let source: String
}

/// The keys of `limits`.
enum LimitName: String, CaseIterable, Sendable, Hashable {
    case memory
    case processes
    case cpus
    case openFiles = "open-files"
    case time
    case disk
}

/// The words of `limits.enforced`.
enum Enforcement: String, CaseIterable, Sendable, Hashable {
    /// A limit that nothing holds for an agent and its descendants together refuses the launch.
    case always
    case bestEffort = "best-effort"

    static let key = "enforced"
}

/// An amount of `limits` as understood and as written.
struct LimitValue: Sendable, Hashable {
    let amount: UInt64
    let text: String
}

/// An entry of `files.protect`.
enum Protection: Sendable, Hashable {
    case path(ProtectedPath)
    case sought(SoughtPath)

    /// As a profile has it.
    var text: String {
        switch self {
        case .path(let path): path.text
        case .sought(let sought): sought.text
        }
    }
}

/// What one file says, or several merged; nil and empty where nothing is said.
struct ProfileFragment: Sendable, Hashable {
    var read: [Sourced<String>] = []
    var write: [Sourced<String>] = []
    var copy: [Sourced<String>] = []
    var hide: [Sourced<String>] = []
    var protect: [Sourced<Protection>] = []
    var pass: [Sourced<String>] = []
    var set: [String: Sourced<String>] = [:]
    var limits: [LimitName: Sourced<LimitValue>] = [:]
    var enforcement: Sourced<Enforcement>?
    var systemCalls: Sourced<SystemCallPolicy>?
    var landlock: Sourced<Int>?
    var egress: [EgressRule] = []
    var childProfiles: [Sourced<String>] = []
    var childAsks: [AskedChild] = []
    var depth: Sourced<Int>?
    var count: Sourced<Int>?
    var recording: Sourced<Recording>?
    var terminal: Sourced<TerminalRecording>?
    var principals: [PrincipalPattern] = []
    var onExpiry: Sourced<OnExpiry>?

    /// Lays `other` on top of this one: lists are joined (the first of equal entries stays), maps and `limits` are
    /// joined key by key with the later value winning, and so do the scalars `syscalls`, `landlock`, `children.depth`,
    /// `children.count`, both of `record` and `principals.on-expiry`; what else `principals` demands is demanded by each.
    mutating func merge(_ other: ProfileFragment) {
        read.join(other.read) { $0 }
        write.join(other.write) { $0 }
        copy.join(other.copy) { $0 }
        hide.join(other.hide) { $0 }
        protect.join(other.protect) { $0.text }
        pass.join(other.pass) { $0 }
        childProfiles.join(other.childProfiles) { $0 }
        // Each is a demand, as its file has it: what extends a profile lifts none of it.
        childAsks += other.childAsks.filter { !childAsks.contains($0) }
        set.merge(other.set) { $1 }
        limits.merge(other.limits) { $1 }
        enforcement = other.enforcement ?? enforcement
        // The same file reached on two ways of `extends` says its rules once.
        let known = Set(egress)
        egress += other.egress.filter { !known.contains($0) }
        systemCalls = other.systemCalls ?? systemCalls
        landlock = other.landlock ?? landlock
        depth = other.depth ?? depth
        count = other.count ?? count
        recording = other.recording ?? recording
        terminal = other.terminal ?? terminal
        // Each is a demand: what extends a profile lifts none of it.
        principals += other.principals.filter { !principals.contains($0) }
        onExpiry = other.onExpiry ?? onExpiry
    }

    func profile(name: String, description: String) -> Profile {
        var profile = Profile(
            name: name,
            description: description,
            files: FileRules(
                read: read.map(\.value),
                write: write.map(\.value),
                copy: copy.map(\.value),
                hide: hide.map(\.value),
                protect: protect.compactMap { if case .path(let path) = $0.value { path } else { nil } },
                sought: protect.compactMap { if case .sought(let path) = $0.value { path } else { nil } }
            ),
            environment: EnvironmentRules(pass: pass.map(\.value), set: set.mapValues(\.value)),
            limits: Limits(
                memory: limits[.memory]?.value.amount,
                processes: limits[.processes]?.value.amount,
                milliCPUs: limits[.cpus]?.value.amount,
                openFiles: limits[.openFiles]?.value.amount,
                time: limits[.time]?.value.amount,
                disk: limits[.disk]?.value.amount,
                isBestEffort: (enforcement?.value).map { $0 == .bestEffort }
            ),
            systemCalls: systemCalls?.value,
            landlock: landlock?.value,
            egress: egress,
            children: ChildRules(
                profiles: childProfiles.map(\.value),
                ask: childAsks,
                depth: depth?.value ?? 0,
                count: count?.value ?? 0
            ),
            recording: recording?.value ?? .metadata,
            terminal: terminal?.value ?? .off,
            principals: principals,
            onExpiry: onExpiry?.value
        )
        profile.digest = CanonicalText(profile).digest
        return profile
    }
}

extension Array {
    /// Entries are equal when their texts have the same bytes.
    fileprivate mutating func join<Value>(_ others: Self, _ text: (Value) -> String)
    where Element == Sourced<Value> {
        var known = Set(map { ByteText(text($0.value)) })
        for other in others where known.insert(ByteText(text(other.value))).inserted { append(other) }
    }
}
