package import Policy

/// `profiles/host-runs.tsv` as it was when Bailey was built, embedded in the program.
package enum ShippedHostRuns {
    /// Nil when it does not read, which is a mistake of Bailey's.
    package static let table: HostRunTable? = {
        guard let text = String(validating: PackageResources.host_runs_tsv, as: UTF8.self) else { return nil }
        return try? HostRunTable(text)
    }()
}
