internal import Client
internal import Credentials
internal import Model
internal import Policy
internal import Profiles
internal import Sandbox

extension Supervisor {
    /// What a sandbox is made from.
    func request(
        for order: LaunchOrder,
        profile: Profile,
        lineage: Lineage,
        parent: AgentNode?,
        _ identity: LaunchIdentity
    ) -> LaunchRequest {
        LaunchRequest(
            name: lineage.agent.agent.text,
            profile: profile,
            parentProcesses: parent?.profile?.limits.processes,
            argv: order.argv,
            environment: environment(of: order, profile, identity),
            workspace: order.workspace,
            workingDirectory: order.workingDirectory,
            umask: order.umask,
            account: configuration.account,
            terminal: order.terminal != nil,
            extraFiles: trust.files,
            degraded: configuration.degraded,
            own: ownFiles(for: order, identity, under: parent),
            layers: [:]
        )
    }

    /// What no agent of a launch may have: Bailey's own, what the launch brings along, and the files of the tokens that other runs
    /// rest on, which are read again.
    func ownFiles(
        for order: LaunchOrder,
        _ identity: LaunchIdentity,
        under parent: AgentNode?
    ) -> OwnFiles {
        var own = own.keeping(identity, of: order, isNested: parent != nil)
        if parent == nil { own.secrets += agents.values.compactMap { $0.held?.identity.file } }
        return own
    }

    /// The environment that the command would have, sorted by name.
    func environment(
        of order: LaunchOrder,
        _ profile: Profile,
        _ identity: LaunchIdentity
    ) -> [(name: String, value: String)] {
        AgentEnvironment(
            rules: profile.environment,
            placeholders: placeholders(for: profile),
            withheld: credentials.withheldVariables.union(identity.variables)
                .union(configuration.machine.approvals.secrets.compactMap(\.variable))
                .union(configuration.machine.databases.compactMap { $0.password?.variable }),
            home: configuration.home,
            userName: configuration.userName
        ).filtered(order.environment)
    }
}
