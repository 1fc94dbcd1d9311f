/// Where in a tree of agents a test's program runs, and on whose behalf.
package enum Standing: String, Sendable, CaseIterable, CustomStringConvertible {
    /// In an agent that the test process's own user launched.
    case agent
    /// In an agent of a plain user's.
    case plainUsersAgent
    /// Three levels deep, launched by an agent that an agent launched.
    case grandchild

    package var description: String { rawValue }

    package var starter: Starter { self == .plainUsersAgent ? .plainUser : .this }

    /// Those that this test process can make: only root can become another user.
    package static var possible: [Standing] { allCases.filter { Starter.possible.contains($0.starter) } }
}

extension Place {
    /// Profiles `top`, `mid` and `leaf`, each allowed below the one before.
    package func nestingProfiles(body: String = "") throws {
        try profile("top", "extends: [base]\n\(body)children: {profiles: [mid, leaf], depth: 3, count: 16}\n")
        try profile("mid", "extends: [base]\n\(body)children: {profiles: [leaf, mid], depth: 2, count: 8}\n")
        try profile("leaf", "extends: [base]\n\(body)")
    }

    /// Runs a script where a test wants it.
    package func agent(
        _ script: String,
        at standing: Standing,
        environment extra: [String: String] = [:]
    ) throws -> Outcome {
        guard standing == .grandchild else { return try agent(script, environment: extra) }
        try nestingProfiles()
        let below = ["bailey", "run", "-p", "mid", "--", "bailey", "run", "-p", "leaf", "--"]
        return try bailey(
            ["run", "-p", "top", "--profiles", profiles, "--"] + below + ["sh", "-c", script],
            environment: extra
        )
    }
}
