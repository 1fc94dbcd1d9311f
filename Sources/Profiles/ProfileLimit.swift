internal import Model
internal import Policy

/// How much a profile may say, with what it extends: each is held at every launch, and by one thread.
enum ProfileLimit: CaseIterable, Sendable {
    case extended
    case paths
    case pathBytes
    case pathNames
    case passed
    case set
    case children
    case rules
    case actions
    case principals

    var maximum: Int {
        switch self {
        // The files of one profile.
        case .extended: ProfileLoader.maximumFiles
        // As many parts of the old view as one launch plan holds (CSB_SLOTS), Bailey's own not counted.
        case .paths: 256
        // A page of 4 KiB, PATH_MAX, for 16 of them: what is asked of a path is asked of every folder above it.
        case .pathBytes: 64 << 10
        // Each folder above a protected path is a mount; a path has some 5 names.
        case .pathNames: 4096
        // Each variable of an environment is held against each; a shell's has some 50.
        case .passed, .set: 256
        // Each is a name; the shipped profiles have 4 at most.
        case .children: 256
        // A child's rules are held against its parent's, each against each.
        case .rules: 512
        // Of all rules together: a decision looks at each that has its host.
        case .actions: 4096
        // Each is held against each of a principal's groups, 256 at most.
        case .principals: 512
        }
    }

    /// What there is too much of, and what to do.
    var complaint: String {
        switch self {
        case .extended: "extends: more than \(maximum) names"
        case .paths:
            "files: more than \(maximum) paths in read, write, copy, hide and protect together; name folders"
        case .pathBytes: "files: more than \(maximum >> 10) KiB of paths together; name folders"
        case .pathNames: "files: paths of more than \(maximum) names together; name folders further up"
        case .passed: "env.pass: more than \(maximum) names; use globs, as in \"CI_*\""
        case .set: "env.set: more than \(maximum) variables"
        case .children:
            "children.profiles: more than \(maximum) names, with those of children.ask; use globs, as in \"tool-*\""
        case .rules: "egress: more than \(maximum) rules; use patterns, as in https://*.example.com"
        case .actions:
            "egress: more than \(maximum) actions in all rules together; use globs, as in \"GET /v1/**\""
        case .principals:
            "for, principals: more than \(maximum) patterns in all together; use globs, as in \"team-*\""
        }
    }

    fileprivate func amount(in fragment: ProfileFragment) -> Int {
        switch self {
        case .extended: 0
        case .paths:
            fragment.paths.count
        case .pathBytes: fragment.paths.reduce(0) { $0 + $1.utf8.count }
        case .pathNames: fragment.paths.reduce(0) { $0 + Self.names(in: $1) }
        case .passed: fragment.pass.count
        case .set: fragment.set.count
        case .children: fragment.childProfiles.count + fragment.childAsks.count
        case .rules: fragment.egress.count
        case .actions: fragment.egress.reduce(0) { $0 + $1.allow.count + $1.ask.count + $1.deny.count }
        case .principals:
            (fragment.principals + fragment.egress.compactMap(\.principals))
                .reduce(0) { $0 + $1.parts.reduce(0) { $0 + $1.globs.count } }
        }
    }
}

extension ProfileLimit {
    static func names(in path: String) -> Int { path.utf8.count { $0 == UInt8(ascii: "/") } }
}

/// What one file has said so far, so that the item that is too much is named where it stands.
struct ProfileTally {
    private var amounts: [ProfileLimit: Int] = [:]

    /// Nil within the limit; the complaint for the first item beyond it, and an empty one for the others.
    mutating func add(_ amount: Int = 1, to limit: ProfileLimit) -> String? {
        let before = amounts[limit] ?? 0
        amounts[limit] = before + amount
        guard before + amount > limit.maximum else { return nil }
        return before <= limit.maximum ? limit.complaint : ""
    }
}

extension ProfileFragment {
    fileprivate var paths: [String] {
        [read, write, copy, hide].joined().map(\.value) + protect.map(\.value.text)
    }

    /// What the files together have too much of, when none of them has by itself.
    func checkLimits(of file: String) throws(ProfileError) {
        let rest = ", with what the profile extends"
        for limit in ProfileLimit.allCases where limit.amount(in: self) > limit.maximum {
            throw ProfileError(file: file, limit.complaint + rest)
        }
        guard DecisionWork.firstExcessive(in: egress) == nil else {
            throw ProfileError(file: file, DecisionWork.complaint + rest)
        }
    }
}

extension DecisionWork {
    static let complaint =
        "egress: the patterns for these hosts could take more than \(maximum >> 20) Mi steps for one request; text"
        + " between two stars of a segment, or between two **, is searched for in the whole path: use fewer of those"
}
