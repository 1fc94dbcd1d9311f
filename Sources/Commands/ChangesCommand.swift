internal import ArgumentParser
internal import Copies
internal import Model
internal import Sandbox
internal import Supervisor

/// `bailey changes`: what agents changed in copies of folders, and what becomes of it.
struct ChangesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "changes",
        abstract: "Show what agents changed in copies of folders; apply it to the host, or discard it.",
        usage: """
            bailey changes [RUN|AGENT] [--state DIR] [--json]
            bailey changes --apply RUN|AGENT [--force] [--state DIR] [PATH ...]
            bailey changes --discard RUN|AGENT [--state DIR]
            """,
        discussion: """
            A folder under files.copy of a profile is the agent's to write in a layer of its own; the host's stays as it \
            is. Each line shows one change: + added, - deleted, ~ changed, ! of another type, with permissions where \
            those changed.

            --apply changes the host, all or at and below PATHs, or nothing at all when something speaks against one \
            of them: then it says what.

            EXAMPLES
              bailey changes                             runs whose copies hold changes
              bailey changes 1f2e3d4c5b6a                what that run's agents changed
              bailey changes --apply 1f2e3d4c5b6a src    put what is in src onto the host
              bailey changes --discard 1f2e3d4c5b6a      take the copy away
            """
    )

    @OptionGroup var state: StateOption
    @Option(
        help: ArgumentHelp("Put the changes of this run, or agent, onto the host.", valueName: "run|agent")
    )
    var apply: String?
    @Option(help: ArgumentHelp("Take the copies of this run, or agent, away.", valueName: "run|agent"))
    var discard: String?
    @Flag(help: "With --apply: also where the host's changed since the copy was made.") var force = false
    @Flag(help: "One JSON object for each copied folder.") var json = false
    @Argument(help: "A run or an agent; with --apply, paths below the copied folders, or absolute ones.")
    var words: [String] = []

    func validate() throws {
        if apply != nil && discard != nil {
            throw ValidationError("--apply and --discard exclude each other")
        }
        if apply == nil && force { throw ValidationError("--force goes with --apply") }
        if json && (apply != nil || discard != nil) { throw ValidationError("--json only shows changes") }
        guard apply != nil || words.count <= (discard == nil ? 1 : 0) else {
            throw ValidationError("only --apply takes paths")
        }
    }

    func run() throws {
        try Outside.require("changes")
        let store = CopyStore(state: try state.directory())
        if let apply { return try put(single(apply, in: store), of: store) }
        if let discard { return try takeAway(discard, of: store) }
        let places = try words.first.map { try Self.places(named: $0, in: store) } ?? store.places()
        try show(places, of: store, whole: !words.isEmpty)
    }

    /// The agents of a run, or one agent.
    private static func places(named name: String, in store: CopyStore) throws -> [CopyStore.Place] {
        let places = try store.places().filter { $0.run.isSame(as: name) || $0.agent.isSame(as: name) }
        guard !places.isEmpty else { throw NoSuchCopy(name: name) }
        return places
    }

    private func single(_ name: String, in store: CopyStore) throws -> CopyStore.Place {
        let places = try Self.places(named: name, in: store)
        guard let place = places.first, places.count == 1 else {
            throw ValidationError(
                "run \(name) has copies of several agents: name one of "
                    + places.map(\.agent).joined(separator: ", ")
            )
        }
        return place
    }

    private func show(_ places: [CopyStore.Place], of store: CopyStore, whole: Bool) throws {
        var isBroken = false
        for place in places {
            guard store.record(of: place) != nil else {
                // A launch that was killed before its agent ran left an empty place.
                if !store.isHeld(place) { try store.discard(place) }
                continue
            }
            do {
                let text = ChangesText(changes: try store.changes(of: place), isRunning: store.isHeld(place))
                guard whole || text.changes.count > 0 else { continue }
                for line in try json ? text.json() : text.lines(whole: whole) { print(line) }
            } catch let failure as CopyFailure {
                isBroken = true
                RunCommand.complain("\(place.agent): \(ChangesText.safe(failure))")
            }
        }
        if isBroken { throw ExitCode(1) }
    }

    private static func locked(_ place: CopyStore.Place, of store: CopyStore) throws -> CopyLock {
        guard let lock = try store.lock(place) else {
            throw CopyFailure(
                "the agent lives, or another command has its copies; `bailey ps` shows what lives",
                at: place.agent
            )
        }
        return lock
    }

    private func put(_ place: CopyStore.Place, of store: CopyStore) throws {
        do {
            let lock = try Self.locked(place, of: store)
            defer { withExtendedLifetime(lock) {} }
            let folders = store.record(of: place)?.folders.map(\.path) ?? []
            let moment = FileMoment.now()
            switch try store.apply(place, only: words, force: force) {
            case .applied(let count, let left):
                print("applied \(count) change\(count == 1 ? "" : "s")" + (left == 0 ? "" : ", \(left) left"))
                if let note = try WrittenNote.applied(to: folders, since: moment) {
                    RunCommand.complain(note)
                }
            case .refused(let folders):
                let lines = folders.flatMap { ChangesText.lines(of: $0, withProblems: true) }
                let remedy =
                    "Name the paths to apply, and leave out what is refused; --force overrides what changed on the host."
                RunCommand.complain((["nothing was applied:"] + lines + [remedy]).joined(separator: "\n"))
                throw ExitCode(1)
            case .unknown(let path):
                RunCommand.complain("nothing was applied: no change at or below \(ChangesText.safe(path))")
                throw ExitCode(1)
            }
        } catch let failure as CopyFailure {
            RunCommand.complain(ChangesText.safe(failure))
            throw ExitCode(1)
        }
    }

    private func takeAway(_ name: String, of store: CopyStore) throws {
        do {
            for place in try Self.places(named: name, in: store) {
                let lock = try Self.locked(place, of: store)
                try store.discard(place)
                withExtendedLifetime(lock) {}
            }
        } catch let failure as CopyFailure {
            RunCommand.complain(ChangesText.safe(failure))
            throw ExitCode(1)
        }
    }
}

/// That run or agent has no copies.
struct NoSuchCopy: Error, CustomStringConvertible {
    let name: String

    var description: String {
        "no copy of run or agent \(ChangesText.safe(name)); `bailey changes` shows which there are"
    }
}
