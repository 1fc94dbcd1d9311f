/// Where in a tree of agents a test's program runs, and on whose behalf.
package enum Standing: String, Sendable, CaseIterable, CustomStringConvertible {
    /// In an agent that the test process's own user launched.
    case agent
    /// In an agent of a plain user's.
    case plainUsersAgent
    /// In an agent that was launched inside a container of a plain user's: by root of a user namespace with one id.
    case container
    /// Three levels deep, launched by an agent that an agent launched.
    case grandchild

    package var description: String { rawValue }

    package var starter: Starter {
        switch self {
        case .agent, .grandchild: .this
        case .plainUsersAgent: .plainUser
        case .container: .ordinary
        }
    }

    /// Those that this test process can make: only root can become another user.
    package static var possible: [Standing] { allCases.filter { Starter.possible.contains($0.starter) } }

    /// Those in which an agent has nobody above it.
    package static var roots: [Standing] { possible.filter { $0 != .grandchild } }

    /// What a launcher is started by.
    fileprivate var prefix: [String] {
        starter.prefix + (self == .container ? ["unshare", "-Ur"] : [])
    }
}

extension Place {
    /// Profiles `top`, `mid` and `leaf`, each allowed below the one before.
    package func nestingProfiles(body: String = "") throws {
        try profile("top", "extends: [base]\n\(body)children: {profiles: [mid, leaf], depth: 3, count: 16}\n")
        try profile("mid", "extends: [base]\n\(body)children: {profiles: [leaf, mid], depth: 2, count: 8}\n")
        try profile("leaf", "extends: [base]\n\(body)")
    }

    /// The command line that runs these words where a test wants them, every agent with `body` in its profile.
    package func command(_ words: [String], at standing: Standing, body: String = "") throws -> [String] {
        try nestingProfiles(body: body)
        let root = standing.prefix + launcher + ["--profiles", profiles, "-p"]
        guard standing == .grandchild else { return root + ["leaf", "--"] + words }
        return root
            + ["top", "--", "bailey", "run", "-p", "mid", "--", "bailey", "run", "-p", "leaf", "--"] + words
    }

    private func rootCommand(_ script: String, _ profile: String, _ standing: Standing) -> [String] {
        standing.prefix + launcher + ["-p", profile, "--profiles", profiles, "--", "sh", "-c", script]
    }

    /// Runs a script in an agent that nobody is above, under this profile.
    package func agent(_ script: String, profile: String, under standing: Standing) throws -> Outcome {
        try Command.run(
            rootCommand(script, profile, standing),
            environment: environment,
            directory: workspace
        )
    }

    /// The same, still running.
    package func running(
        _ script: String,
        profile: String,
        under standing: Standing
    ) throws -> RunningCommand {
        try RunningCommand(
            rootCommand(script, profile, standing),
            environment: environment,
            directory: workspace
        )
    }

    /// Runs a script where a test wants it.
    package func agent(
        _ script: String,
        at standing: Standing,
        body: String = "",
        environment extra: [String: String] = [:]
    ) throws -> Outcome {
        try Command.run(
            command(["sh", "-c", script], at: standing, body: body),
            environment: environment.merging(extra) { $1 },
            directory: workspace
        )
    }

    /// The same, still running.
    package func running(_ script: String, at standing: Standing, body: String = "") throws -> RunningCommand
    {
        try RunningCommand(
            command(["sh", "-c", script], at: standing, body: body),
            environment: environment,
            directory: workspace
        )
    }
}
