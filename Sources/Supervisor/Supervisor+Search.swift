internal import Client
internal import Linux
internal import Model
internal import Policy
internal import Profiles
internal import Sandbox
internal import Synchronization

/// What a search at any depth has found, for the launch that waits for it.
struct SearchResult: Sendable {
    /// Of the profile that it was made for.
    let digest: String
    let outcome: Result<FoundProtections, LaunchFailure>
}

/// A search on its way to another thread.
private final class SharedSearch: Sendable {
    let search: Mutex<ProtectionSearch>

    init(_ search: consuming sending ProtectionSearch) { self.search = Mutex(search) }
}

extension Supervisor {
    /// Folders and files that are looked at at once, in less than a millisecond; what is beyond goes to another thread.
    private static let searchedAtOnce = 512

    /// What of a profile's protections at any depth there is; nil while another thread looks, and the launch goes on
    /// when it has.
    func found(
        for files: FileRules,
        of loaded: LoadedProfile,
        _ order: LaunchOrder,
        lineage: Lineage,
        under parent: AgentNode?,
        for connection: ControlConnection
    ) throws(LaunchRefusal) -> FoundProtections? {
        guard !files.sought.isEmpty else { return FoundProtections() }
        do throws(LaunchFailure) {
            if let done = connection.searched, done.digest.isSame(as: loaded.profile.digest) {
                return Self.rest(of: try done.outcome.get(), files, under: parent)
            }
            var search = ProtectionSearch(files, within: parent?.root.profile?.files)
            try search.step(Self.searchedAtOnce)
            if search.isFinished { return Self.rest(of: search.found, files, under: parent) }
            try look(
                on: search,
                loaded.profile.digest,
                (parent?.root.id ?? lineage.agent.agent),
                for: connection
            )
            connection.waiting = order
            return nil
        } catch {
            throw LaunchRefusal(parent == nil ? error : loaded.told(error))
        }
    }

    /// What is not protected anyway: by the profile by name, or in what the parent sees.
    ///
    /// For a child nothing is made on the host: what its parent made a folder for since it began stays absent.
    private static func rest(
        of found: FoundProtections,
        _ files: FileRules,
        under parent: AgentNode?
    ) -> FoundProtections {
        let chain = parent?.chain ?? []
        let named = files.protect + chain.flatMap { $0.profile?.files.protect ?? [] }
        var rest = found.subtracting(Set((named + chain.flatMap(\.found.all)).map { ByteText($0.path) }))
        if parent != nil { rest.absent = [] }
        return rest
    }

    private func look(
        on search: consuming ProtectionSearch,
        _ digest: String,
        _ root: AgentID,
        for connection: ControlConnection
    ) throws(LaunchFailure) {
        let (id, mailbox, shared) = (connection.id, mailbox, SharedSearch(search))
        let job = FolderWork.Job {
            do throws(LaunchFailure) {
                let found = try shared.search.withLock { search throws(LaunchFailure) in
                    try search.step(FolderWork.slice)
                    return search.isFinished ? search.found : nil
                }
                guard let found else { return false }
                mailbox.post(.searched(id, SearchResult(digest: digest, outcome: .success(found))))
            } catch {
                mailbox.post(.searched(id, SearchResult(digest: digest, outcome: .failure(error))))
            }
            return true
        }
        guard folderWork.begin(job, for: root) else {
            throw LaunchFailure(
                step: "look for what is protected",
                object: "\(FolderWork.maximumWaiting) launches of this run wait for that",
                errno: 0,
                remedy: "Try again when some of them run."
            )
        }
        connection.search = job
    }

    /// Goes on with a launch.
    func searched(_ id: ConnectionID, _ result: SearchResult) {
        guard let connection = connections[id], let order = connection.waiting else { return }
        connection.search = nil
        connection.waiting = nil
        connection.searched = result
        launch(order, for: connection)
    }
}
