internal import ArgumentParser
internal import Foundation
internal import Profiles
internal import Sandbox

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
        let checks = Doctor.checks(systemCalls: try SystemCallPolicies.standard())
        for check in checks { print(json ? try check.json : check.line) }
        if checks.contains(where: { $0.blocksDefaultProfile }) { throw ExitCode(1) }
    }
}
