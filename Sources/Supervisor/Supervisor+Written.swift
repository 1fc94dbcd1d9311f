internal import Model
internal import Policy
internal import Profiles
internal import Sandbox
internal import Synchronization

/// A search on its way to another thread.
private final class SharedSearch: Sendable {
    let search: Mutex<WrittenSearch>

    init(_ search: consuming sending WrittenSearch) { self.search = Mutex(search) }
}

/// What a run wrote that the host may execute later, at its end.
extension Supervisor {
    /// Folders and files that are looked at at once, in a millisecond or so; what is beyond goes to another thread.
    private static let listedAtOnce = 512

    /// Begins to look; the exit record of a root agent waits for it.
    ///
    /// Nobody looks while the supervisor ends, or where nothing ran.
    func listWritten(by agent: AgentNode) {
        guard agent.parent == nil, agent.hasStarted, !isStopping, var files = agent.profile?.files
        else { return }
        let machine = configuration.machine
        guard machine.looksForHostRuns else {
            agent.written = WrittenFiles(isWhole: false, unlooked: "host-runs: \(OperatorConfiguration.off)")
            return
        }
        // What was protected is as it was; its stand-ins may have been made in the same tick of the clock.
        files.protect += agent.found.all
        var search = WrittenSearch(
            files,
            since: agent.began,
            table: machine.hostRunTable,
            maximumEntries: machine.hostRunsEntries
        )
        search.step(Self.listedAtOnce)
        guard !search.isFinished else {
            agent.written = search.written
            return
        }
        let (id, mailbox) = (agent.id, mailbox)
        let shared = SharedSearch(search)
        let job = FolderWork.Job {
            let written = shared.search.withLock { search -> WrittenFiles? in
                search.step(FolderWork.slice)
                return search.isFinished ? search.written : nil
            }
            guard let written else { return false }
            mailbox.post(.listed(id, written))
            return true
        }
        guard folderWork.begin(job, for: id) else {
            agent.written = WrittenFiles(isWhole: false)
            return
        }
        agent.isUnlisted = true
    }

    /// It is known what an agent that is gone wrote.
    func listed(_ id: AgentID, _ written: WrittenFiles) {
        guard let agent = leaving[id] else { return }
        agent.written = written
        agent.isUnlisted = false
        recordDue(agent)
    }

    /// What is said of it at the end of a run; nil where there is nothing to say.
    static func note(of written: WrittenFiles?) -> String? {
        WrittenNote.text(
            of: written,
            "changed while it ran, and the host may run it later:",
            ", see 'bailey audit --json'"
        )
    }
}
