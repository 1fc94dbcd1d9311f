internal import ArgumentParser
internal import Audit
internal import Supervisor

/// `--fleet`, `--chain KEY`.
struct FleetOption: ParsableArguments {
    @Flag(help: "Read the database that audit.postgres in bailey.yaml names, with the logs of many machines.")
    var fleet = false
    @Option(
        help: ArgumentHelp(
            "With --fleet: which machine's log, by its public key or the beginning of that.",
            valueName: "key"
        )
    )
    var chain: String?

    func validate() throws {
        guard chain == nil || fleet else { throw ValidationError("--chain names a log of --fleet") }
    }

    /// The logs that are there; throws where `bailey.yaml` names no database.
    func log(configuration: String? = nil) throws -> FleetLog {
        guard let plan = try LogKeeping.fleet(configuration: configuration) else {
            throw ValidationError("--fleet: audit.postgres in bailey.yaml names no database")
        }
        return FleetLog(plan.access)
    }

    /// What `--chain` names there, or the log of this machine's state directory.
    func reader(_ state: StateOption) throws -> AuditReader {
        guard fleet else { return try AuditReader(directory: state.directory()) }
        let log = try log()
        return try log.reader(of: log.chain(chain))
    }
}
