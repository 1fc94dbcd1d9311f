package import Audit
internal import Client
internal import Dispatch
internal import Foundation
internal import Glibc
internal import Identity
internal import Linux
internal import Model
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
            CustodyRecord(isReleased ? .released : .held, subject, by: LocalUser.principal(), reason: reason),
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
        guard let file = machine?.checkpoints?.file else { return nil }
        let isThere = unsafe access(file, F_OK) == 0
        let folder = file.lastPlace(of: "/").map { String(file[...$0]) } ?? "."
        guard unsafe access(isThere ? file : folder, W_OK) != 0 else { return (file, nil) }
        return (file, SystemCallError.text(errno))
    }

    /// What pruning would remove, and what it has to know for it.
    package struct Preparation: Sendable {
        package let plan: PruningPlan
        package let living: LivingRuns
        /// Supervisors that were not heard of.
        package let silent: [String]
        let pruner: Pruner
        let directory: String
    }

    /// Looks at the log and at what lives.
    ///
    /// - Parameters:
    ///   - retention: what the command line says; nil for what `bailey.yaml` does.
    ///   - configuration: the operator's; nil for `bailey.yaml` at its place.
    ///   - directory: the state directory.
    /// - Returns: what would be removed; nil where nobody says for how long records are kept.
    /// - Throws: where the log or the configuration cannot be read, or the log is not what was written.
    package static func prepare(
        _ retention: Retention?,
        configuration: String?,
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
        let terms = retention ?? machine.retention
        guard terms != Retention() else { return nil }
        let answer = RunningSupervisors.agents()
        let living = LivingRuns(
            runs: Set(answer.value.compactMap { AgentID($0.agent)?.run }),
            boot: boot() ?? Timestamp(milliseconds: 0),
            now: AuditStore.wallClock()
        )
        let pruner = try Pruner(directory: directory)
        return Preparation(
            plan: try pruner.plan(terms, living),
            living: living,
            silent: answer.silent,
            pruner: pruner,
            directory: directory
        )
    }

    /// Carries it out; returns how many records were removed.
    ///
    /// On record are first that it is begun, and of which runs, and then what was removed, also when it ended early.
    package static func prune(_ preparation: Preparation, progress: (Int64) -> Void) throws -> Int64 {
        let runs = preparation.plan.pruned
        let count = runs.reduce(0) { $0 + $1.records }
        for start in stride(from: 0, to: runs.count, by: runsInRecord) {
            let names = runs[start...].prefix(runsInRecord).map(\.run)
            try note("\(count) records of \(runs.count) runs", "begun", names, preparation)
        }
        var removed: Int64 = 0
        do {
            removed = try preparation.pruner.carryOut(preparation.plan, preparation.living) { count in
                removed = count
                progress(count)
            }
        } catch {
            // Whatever is wrong with the log may keep this from it as well, and is what to say.
            try? note("\(removed) of \(count) records", "ended early: \(error)", [], preparation)
            throw error
        }
        if !runs.isEmpty { try note("\(removed) of \(count) records", "done", [], preparation) }
        return removed
    }

    private static func note(
        _ subject: String,
        _ state: String,
        _ runs: [String],
        _ preparation: Preparation
    ) throws {
        let record = CustodyRecord(.pruned, subject, by: LocalUser.principal(), reason: state, runs: runs)
        try write(record, in: preparation.directory)
    }

    /// Names of runs in one record: some 16 KiB of them.
    private static let runsInRecord = 1_024

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
