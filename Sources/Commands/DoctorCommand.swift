internal import ArgumentParser
internal import Audit
internal import Copies
internal import Foundation
internal import Profiles
internal import Sandbox
internal import Supervisor

/// `bailey doctor`: what this machine offers and lacks.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check every kernel feature and permission that Bailey uses.",
        discussion: """
            Exits 0 when the default profile can run, 1 when it cannot. Ask outside: an agent is refused, since \
            nearly everything that is checked has been taken away there.
            """
    )

    @Flag(help: "Print one JSON object per check.")
    var json = false

    func run() throws {
        try Outside.require("doctor")
        let checks =
            Doctor.checks(systemCalls: try SystemCallPolicies.standard()) + Self.copies() + Self.checkpoints()
            + Self.databases()
            + Self.readFiles()
        for check in checks { print(json ? try check.json : check.line) }
        if checks.contains(where: { $0.blocksDefaultProfile }) { throw ExitCode(1) }
    }

    /// Whether checkpoints of the log can be written, where the operator wants some in a file.
    private static func checkpoints() -> [Check] {
        guard let (file, trouble) = LogKeeping.checkpointFile() else { return [] }
        return [
            Check(
                name: "checkpoints",
                purpose: "audit.checkpoints: kept elsewhere, they show that the log's tail was cut off",
                state: trouble.map { .missing("\(file): \($0)") } ?? .available(file),
                remedy:
                    "Make it a file that you may write, in a folder that is there, or name another in bailey.yaml.",
                isRequired: false
            )
        ]
    }

    /// Whether the databases that something of the log goes to answer, and take it.
    private static func databases() -> [Check] {
        LogKeeping.databases().map { database in
            Check(
                name: database.key,
                purpose: "a PostgreSQL database that something of the log goes to: docs/audit.md",
                state: database.trouble.map { .missing($0) } ?? .available(database.place),
                remedy: "Do what it says, or name another in bailey.yaml.",
                isRequired: false
            )
        }
    }

    /// What every launch reads.
    private static func readFiles() -> [Check] {
        let refusals = ProfileReview.Launcher.here(configuration: nil).everyRefusal
        return [
            Check(
                name: "configuration",
                purpose:
                    "bailey.yaml, credentials.yaml and the keys that vouch for agents, which each launch reads",
                state: refusals.isEmpty ? .available("") : .missing(refusals.joined(separator: "; ")),
                remedy: "Do what it says: until then nothing is launched.",
                isRequired: true
            )
        ]
    }

    /// What `files.copy` needs, tried where changes would be kept.
    private static func copies() -> [Check] {
        let state = StateLocation.directory(environment: ProcessInfo.processInfo.environment)
        guard let state else { return [] }
        let error = CopyStore(state: state).probe()
        return [
            Check(
                name: "overlayfs",
                purpose: "files.copy: an agent changes a layer of its own, not the host's folder",
                state: error.map { .missing("\($0)") } ?? .available(""),
                remedy:
                    "Use Linux 5.11 or newer with CONFIG_OVERLAY_FS, and a state directory (XDG_STATE_HOME) on ext4, xfs,"
                    + " btrfs or (Linux 6.6) tmpfs.",
                isRequired: false
            )
        ]
    }
}
