package import Audit
internal import Client
internal import Dispatch
internal import Foundation
internal import Glibc
internal import Identity
internal import Linux
internal import Model
package import PostgresLink
internal import Synchronization

/// `bailey audit hold` and `prune`, from outside.
package enum LogKeeping {
    /// Holds what is on record of a run, an agent or a principal, or lets go of it: on the disk when this returns.
    package static func hold(
        _ subject: String,
        isReleased: Bool,
        because reason: String?,
        in directory: String
    ) throws {
        // A store that is not there is not made.
        _ = try AuditReader(directory: directory)
        try write(
            CustodyRecord(isReleased ? .released : .held, subject, by: LocalUser.recorded(), reason: reason),
            in: directory
        )
    }

    /// The file that `bailey.yaml` wants checkpoints in, and why it cannot be written; nil where it wants none.
    package static func checkpointFile() -> (file: String, trouble: String?)? {
        let directories = StateDirectories(
            environment: ProcessEnvironment.dictionary,
            home: HomeFolder.current
        )
        let machine = try? OperatorConfiguration.load(file: nil, directory: directories.configuration)
        return machine?.checkpoints?.file.map { ($0, trouble(with: $0)) }
    }

    /// That checkpoints cannot be written now, where the operator wants them in a file; nil where they can.
    static func warning(of machine: OperatorConfiguration) -> String? {
        guard let file = machine.checkpoints?.file, let trouble = trouble(with: file) else { return nil }
        return "warning: checkpoints cannot be written to \(file) now: \(trouble); it is tried again"
    }

    /// Why checkpoints cannot be written to a file; nil where they can.
    private static func trouble(with file: String) -> String? {
        let isThere = unsafe access(file, F_OK) == 0
        let folder = file.lastPlace(of: "/").map { String(file[...$0]) } ?? "."
        guard unsafe access(isThere ? file : folder, W_OK) != 0 else { return nil }
        return SystemCallError.text(errno)
    }

    /// What `bailey doctor` says of a database.
    package struct DatabaseStanding: Sendable {
        /// The key of `bailey.yaml`.
        package let key: String
        package let place: String
        /// Why it is of no use; nil where it is.
        package let trouble: String?
    }

    /// The databases that something of the log goes to, each asked; none where `bailey.yaml` cannot be read.
    package static func databases() -> [DatabaseStanding] {
        let checkpoints = (try? checkpointDatabase(configuration: nil)).flatMap(\.self)
        let fleet = (try? fleet(configuration: nil)).flatMap(\.self)
        let sharesApprovals = (try? sharesApprovals()) ?? false
        return [
            checkpoints.map {
                DatabaseStanding(
                    key: "audit.checkpoints.postgres",
                    place: "\($0.location)",
                    trouble: LogDatabaseProbe.trouble(withCheckpoints: $0)
                )
            },
            fleet.map {
                DatabaseStanding(
                    key: "audit.postgres",
                    place: "\($0.access.location)",
                    trouble: LogDatabaseProbe.trouble(
                        withFleet: $0.access,
                        sharesApprovals: sharesApprovals
                    )
                )
            },
        ].compactMap(\.self)
    }

    /// The database whose table `bailey.yaml` wants checkpoints in.
    ///
    /// - Parameter configuration: the operator's; nil for `bailey.yaml` at its place.
    /// - Returns: where it is; nil where it wants none.
    /// - Throws: where the configuration cannot be read.
    package static func checkpointDatabase(configuration: String?) throws -> PostgresAccess? {
        let directories = StateDirectories(
            environment: ProcessEnvironment.dictionary,
            home: HomeFolder.current
        )
        return try OperatorConfiguration.load(file: configuration, directory: directories.configuration)
            .checkpoints?.postgres
    }

    /// The database that `bailey.yaml` has every record go to; nil where it names none.
    package static func fleet(configuration: String?) throws -> FleetPlan? {
        let directories = StateDirectories(
            environment: ProcessEnvironment.dictionary,
            home: HomeFolder.current
        )
        return try OperatorConfiguration.load(file: configuration, directory: directories.configuration).fleet
    }

    /// Whether approvals are shared by it.
    private static func sharesApprovals() throws -> Bool {
        let directories = StateDirectories(
            environment: ProcessEnvironment.dictionary,
            home: HomeFolder.current
        )
        let machine = try OperatorConfiguration.load(file: nil, directory: directories.configuration)
        return !machine.approvals.fleet.isEmpty
    }

    /// What pruning would remove, and what it has to know for it.
    package struct Preparation: Sendable {
        package let plan: PruningPlan
        package let living: LivingRuns
        /// Supervisors that were not heard of.
        package let silent: [String]
        let pruner: Pruner
        /// Held until it is let go of; nil for what is only looked at.
        let lock: PruningLock?
    }

    /// Looks at the log and at what lives.
    ///
    /// - Parameters:
    ///   - retention: what the command line says; nil for what `bailey.yaml` does.
    ///   - configuration: the operator's; nil for `bailey.yaml` at its place.
    ///   - isTrial: nothing is going to be removed.
    ///   - directory: the state directory.
    /// - Returns: what would be removed; nil where nobody says for how long records are kept.
    /// - Throws: where the log or the configuration cannot be read, the log is not what was written, or another pruning is
    ///   under way.
    package static func prepare(
        _ retention: Retention?,
        configuration: String?,
        isTrial: Bool,
        in directory: String
    ) throws -> Preparation? {
        let directories = StateDirectories(
            environment: ProcessEnvironment.dictionary,
            home: HomeFolder.current
        )
        let machine = try OperatorConfiguration.load(
            file: configuration,
            directory: directories.configuration
        )
        guard machine.fleet == nil else { throw PruningOfFleet() }
        let terms = retention ?? machine.retention
        guard !terms.isEndless else { return nil }
        // A store that is not there is not made.
        _ = try AuditReader(directory: directory)
        let lock = isTrial ? nil : try PruningLock(directory: directory)
        guard isTrial || lock != nil else { throw PruningUnderWay() }
        let time = PruningClock.Time(now: AuditStore.wallClock())
        let pruner = try Pruner(directory: directory)
        return try prepare(terms, with: pruner, lock, at: time, RunningSupervisors.agents(of: directory))
    }

    /// The log goes to a database as well.
    struct PruningOfFleet: Error, CustomStringConvertible {
        let description =
            "pruning is not built yet for a log that goes to a database (audit.postgres in bailey.yaml): nothing is removed here"
    }

    /// Another pruning is under way.
    struct PruningUnderWay: Error, CustomStringConvertible {
        let description =
            "another pruning of this log is under way, of 'bailey serve' or by hand; try again when it is done"
    }

    /// The same with what is known already.
    ///
    /// - Parameters:
    ///   - terms: what is kept.
    ///   - pruner: what looks through the log.
    ///   - lock: held by whoever is going to remove something.
    ///   - time: what to go by.
    ///   - answer: what lives, as supervisors said after that time.
    ///   - youngest: how old what goes for the size alone has to be, in milliseconds.
    ///   - setAside: runs that could not go before, and why.
    ///   - isStopped: whether what is looked for is not wanted any more.
    /// - Returns: what would be removed.
    /// - Throws: where the log cannot be read, or it was ended.
    static func prepare(
        _ terms: Retention,
        with pruner: Pruner,
        _ lock: PruningLock?,
        at time: PruningClock.Time,
        _ answer: RunningSupervisors.Answer<[AgentSummary]>,
        youngest: Int64 = 0,
        setAside: [ByteText: String] = [:],
        isStopped: () -> Bool = { false }
    ) throws -> Preparation {
        let living = LivingRuns(
            runs: Set(answer.value.compactMap { AgentID($0.agent)?.run }),
            // By a clock that is ahead the machine started later than it did.
            boot: boot().map { $0.later(by: -time.ahead) } ?? Timestamp(milliseconds: 0),
            now: time.now,
            doubtedBefore: time.doubtedBefore
        )
        return Preparation(
            plan: try pruner.plan(
                terms,
                living,
                youngest: youngest,
                setAside: setAside,
                isStopped: isStopped
            ),
            living: living,
            silent: answer.silent,
            pruner: pruner,
            lock: lock
        )
    }

    /// Carries it out by hand; returns how many records were removed.
    package static func prune(
        _ preparation: Preparation,
        in directory: String,
        progress: (Int64) -> Void
    ) throws -> Int64 {
        try prune(
            preparation.plan,
            preparation,
            by: LocalUser.recorded(),
            record: { try write($0, in: directory) },
            progress: progress
        )
    }

    /// Carries a plan out; returns how many records were removed.
    ///
    /// On record are that it is begun, and of which runs, before those are, and then what was removed, also when it ended early.
    ///
    /// - Parameters:
    ///   - plan: what was prepared, or a part of it.
    ///   - preparation: what it rests on.
    ///   - principal: whose word it is; nil for the supervisor itself.
    ///   - record: writes a record; the disk has it when this returns.
    ///   - cannotGo: hears of a run that does not match its seals, and why.
    ///   - isStopped: whether what is left is for the next pruning.
    ///   - progress: hears how many records are removed.
    /// - Returns: how many were.
    /// - Throws: where it ended early.
    static func prune(
        _ plan: PruningPlan,
        _ preparation: Preparation,
        by principal: Principal?,
        record: (CustodyRecord) throws -> Void,
        cannotGo: (_ run: String, _ reason: String) -> Void = { _, _ in },
        isStopped: () -> Bool = { false },
        progress: (Int64) -> Void = { _ in }
    ) throws -> Int64 {
        let runs = plan.pruned
        let count = runs.reduce(0) { $0 + $1.records }
        func note(_ subject: String, _ state: String, _ names: [String] = []) throws {
            try record(CustodyRecord(.pruned, subject, by: principal, reason: state, runs: names))
        }
        var removed: Int64 = 0
        var hasBegun = false
        do {
            removed = try preparation.pruner.carryOut(
                plan,
                preparation.living,
                begin: { names in
                    guard !names.isEmpty else { return }
                    try note("\(count) records of \(runs.count) runs", "begun", names)
                    hasBegun = true
                },
                progress: { count in
                    removed = count
                    progress(count)
                },
                cannotGo: cannotGo,
                isStopped: isStopped
            )
        } catch {
            // What changed nothing is for whoever asked alone: such a record stays for ever. And whatever is wrong with the log may
            // keep this from it as well, and is what to say.
            let why = isStopped() ? stopped : "ended early: \(error)"
            if hasBegun { try? note("\(removed) of \(count) records", why) }
            throw error
        }
        if hasBegun { try note("\(removed) of \(count) records", isStopped() ? stopped : "done") }
        return removed
    }

    private static let stopped = "stopped: the supervisor ends"

    /// When this machine started (proc_stat(5), `btime`); nil where it cannot be known, and then every run without an end
    /// may have been one of now.
    private static func boot() -> Timestamp? {
        let text = try? String(contentsOfFile: "/proc/stat", encoding: .utf8)
        let line = text?.cut(at: "\n").first { $0.begins(with: "btime ") }
        guard let seconds = line.flatMap({ Int64($0.dropFirst(bytes: 6)) }) else { return nil }
        return Timestamp(milliseconds: seconds * 1_000)
    }

    private static func write(_ record: CustodyRecord, in directory: String) throws {
        let store = try AuditStore.open(directory: directory, run: RunName.random())
        let outcome = Mutex<Result<Void, AuditFailure>>(.success(()))
        let written = DispatchSemaphore(value: 0)
        store.append(.custody(record), until: .durable) { result in
            outcome.withLock { $0 = result }
            written.signal()
        }
        written.wait()
        store.flush()
        try outcome.withLock { $0 }.get()
        if case .refusing(let failure) = store.condition { throw failure }
    }
}
