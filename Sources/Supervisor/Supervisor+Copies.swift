internal import Copies
internal import Linux
internal import Model
internal import Policy
internal import Sandbox

extension Supervisor {
    /// Makes room for what an agent will change in the folders that its profile copies; nil when it copies none.
    ///
    /// A nested agent's lower layer is its parent's view: whether the host's folder is one is not asked for it.
    func makeCopies(
        _ profile: Profile,
        lineage: Lineage,
        under parent: AgentNode?
    ) throws(LaunchFailure) -> CopyHold? {
        let paths = CopiedFolders.paths(of: profile.files, home: configuration.home)
        guard !paths.isEmpty else { return nil }
        if parent == nil { try CopiedFolders.check(paths) }
        let profiles = [profile] + (parent?.chain ?? []).compactMap(\.profile)
        let found = profile.files.found.all + (parent?.chain ?? []).flatMap(\.found.all)
        let protected = (profiles.flatMap(\.files.protect) + found).map(\.path)
        let outside = machine.outside
        let order = CopyOrder(
            agent: lineage.agent.agent.text,
            name: lineage.agent.name,
            profile: profile.name,
            user: outside.user,
            group: outside.group,
            folders: paths.map { path in
                CopyOrder.Folder(path: path, protected: protected.filter { $0.isWithin(path) })
            }
        )
        do throws(SystemCallError) {
            return try copies.make(order)
        } catch {
            throw LaunchFailure(
                step: error.stage,
                object: error.object,
                errno: error.errno,
                remedy:
                    "Changes to a copied folder are kept in the state directory: make room, or name another with"
                    + " XDG_STATE_HOME. A path that is copied exists on the host, and no symbolic link leads to it."
            )
        }
    }
}
