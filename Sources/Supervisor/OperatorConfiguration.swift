package import Audit
internal import Client
internal import Glibc
package import Identity
internal import Linux
package import Model
internal import Policy
package import Profiles
internal import Sandbox

/// `bailey.yaml`: what the operator says about the machine, never about an agent.
///
/// Everything has a default, and
/// an absent file is a valid one.
package struct OperatorConfiguration: Sendable {
    /// Names that the gateway resolves itself.
    package var resolve: [DNSName: IPAddress] = [:]
    /// Absolute path of a PEM file of further roots for upstream certificates.
    package var upstreamAuthority: String?

    /// What the host runs besides what is shipped: a pattern and a reason each.
    package var hostRuns: [(pattern: String, reason: String)] = []
    /// Whether anybody looks for them at the end of a run: `host-runs: off` says no.
    package var looksForHostRuns = true
    /// Folders and files that are looked at for that.
    package var hostRunsEntries = WrittenSearch.maximumEntries

    /// Whose agents these are.
    package var trustDomain = TrustDomain.standard
    /// What tokens of agents have as their `iss`; nil for the trust domain's name.
    package var tokenIssuer: String?
    /// When the keys that vouch for agents follow one another.
    package var keySchedule = KeySchedule()
    /// Where `bailey serve` publishes what services verify agents by.
    package var publication: (address: IPAddress, port: UInt16)?

    /// Whose tokens say who launches.
    package var issuers: [Issuer] = []

    /// Octets that one run may record of bodies.
    package var recordings = AuditLimits.recordings
    /// Where checkpoints of the log go; nil for nowhere.
    package var checkpoints: CheckpointPlan?
    /// A database that has to have every record as well; nil for none.
    package var fleet: FleetPlan?
    /// The databases that something of the log goes to.
    var databases: [OperatorDatabase] = []
    /// The file with their webhook's secret.
    var checkpointSecret: String?
    /// For how long records are kept: for ever, where it does not say.
    package var retention = Retention()
    /// Milliseconds between two times at which `bailey serve` prunes by itself; nil for never.
    package var pruningPause: UInt64? = 3_600_000
    /// Who is told of questions that rules ask, and who may answer them.
    package var approvals = ApprovalPlan()

    package init() {}

    static let off = "off"
    private static let keys = [
        "bailey", "resolve", "upstream-ca", "host-runs", "host-runs-entries", "recordings", "trust-domain",
        "identity", "issuers", "audit", "approvals",
    ]
    private static let unbuilt: Set<String> = ["listen"]

    /// Where it is.
    static func path(_ file: String?, directory: String) -> String {
        file.map { WorkingDirectory.absolute($0) } ?? directory + "/bailey.yaml"
    }

    /// Reads `file`, or `bailey.yaml` in `directory`; only a file that was named must exist.
    package static func load(file: String?, directory: String) throws(ProfileError) -> OperatorConfiguration {
        let path = file ?? directory + "/bailey.yaml"
        if file == nil, unsafe access(path, F_OK) != 0 { return OperatorConfiguration() }
        return try OperatorConfiguration(YAMLDocument(try read(path), file: path), path: path)
    }

    private static func read(_ path: String) throws(ProfileError) -> String {
        do {
            return try TextFile.read(path)
        } catch {
            throw ProfileError(
                file: path,
                "the configuration cannot be read: \(error.message); name another with --config"
            )
        }
    }

    init(_ document: YAMLDocument, path: String) throws(ProfileError) {
        var errors = Diagnostics(file: document.file)
        if case .null = document.root.content { return }
        if let top = document.root.mapping(
            "the configuration",
            keys: Self.keys,
            unbuilt: Self.unbuilt,
            &errors
        ) {
            if let version = top["bailey"] {
                _ = version.integer("bailey (the format's version)", 1...1, &errors)
            } else {
                errors.report("\"bailey: 1\" (the format's version) is missing", at: top.position)
            }
            for entry in top["resolve"]?.entries("resolve", &errors) ?? [] { read(entry, &errors) }
            readHostRuns(top, &errors)
            if let node = top["host-runs-entries"] {
                hostRunsEntries =
                    node.integer("host-runs-entries", 1...WrittenSearch.maximumEntries, &errors) ?? 1
            }
            readRecordings(top, &errors)
            readIdentity(top, &errors)
            if let node = top["trust-domain"] { readTrustDomain(node, &errors) }
            let folder = WorkingDirectory.absolute(WorkingDirectory.absolute(path) + "/..")
            readAudit(top, folder: folder, &errors)
            if let node = top["issuers"] { issuers = IssuerEntries(node, folder: folder, &errors).issuers }
            readApprovals(top, &errors)
            upstreamAuthority = top["upstream-ca"]?.text("upstream-ca", &errors).map {
                let path = $0.begins(with: "~/") ? HomeFolder.current + $0.dropFirst(1) : $0
                return WorkingDirectory.absolute(path, from: folder)
            }
        }
        try errors.check()
    }

    private mutating func readTrustDomain(_ node: YAMLNode, _ errors: inout Diagnostics) {
        guard let text = node.text("trust-domain", &errors) else { return }
        guard let domain = TrustDomain(text) else {
            return errors.report(
                "trust-domain: \"\(text)\" is not 1 to \(TrustDomain.maximumLength) lower-case letters, digits, \".\", "
                    + "\"-\" and \"_\", as in example.org",
                at: node.position,
                suggestion: TrustDomain(text.lowercasedASCII)?.name
            )
        }
        trustDomain = domain
    }

    private mutating func readRecordings(_ top: YAMLMapping, _ errors: inout Diagnostics) {
        guard let node = top["recordings"], let text = node.text("recordings", &errors) else { return }
        do throws(TextProblem) { recordings = try Quantity.size(text) } catch {
            errors.report(error, in: node)
        }
    }

    private mutating func readHostRuns(_ top: YAMLMapping, _ errors: inout Diagnostics) {
        guard let node = top["host-runs"], var table = ShippedHostRuns.table else { return }
        if case .scalar = node.content {
            looksForHostRuns = node.word("host-runs", of: [Self.off], &errors) == nil
            return
        }
        for entry in node.entries("host-runs", &errors) ?? [] {
            guard let reason = entry.value.text("host-runs.\(entry.key)", &errors) else { continue }
            do throws(HostRunTable.Problem) {
                try table.add(entry.key, words: "-", reason: reason, line: entry.keyPosition.line)
                hostRuns.append((entry.key, reason))
            } catch {
                errors.report("host-runs: \(error.message)", at: entry.keyPosition)
            }
        }
    }

    private mutating func read(_ entry: YAMLEntry, _ errors: inout Diagnostics) {
        guard let name = DNSName(entry.key) else {
            return errors.report("\"\(entry.key)\" is not a DNS name", at: entry.keyPosition)
        }
        guard let text = entry.value.text("resolve.\(name)", &errors) else { return }
        guard let address = IPAddress(text) else {
            return errors.report("\"\(text)\" is not an IP address", at: entry.value.position)
        }
        resolve[name] = address
    }
}

extension OperatorConfiguration {
    /// What is shipped and what the operator adds.
    var hostRunTable: HostRunTable? {
        var table = ShippedHostRuns.table
        for (pattern, reason) in hostRuns { try? table?.add(pattern, words: "-", reason: reason, line: 0) }
        return table
    }
}
