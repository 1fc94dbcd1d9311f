internal import Audit
internal import Identity
internal import Model
internal import Profiles

/// `approvals.fleet`: the machines that approvals are shared with.
extension OperatorConfiguration {
    private static let fleetKeys = ["machines"]

    /// Names and keys; each key is one of `audit.postgres.trust`.
    mutating func readMachines(_ node: YAMLNode, _ errors: inout Diagnostics) {
        let name = "approvals.fleet"
        guard let fields = node.mapping(name, keys: Self.fleetKeys, &errors) else { return }
        guard let plan = fleet else {
            return errors.report(
                "\(name) says nothing without audit.postgres, the database that approvals are shared by",
                at: node.position
            )
        }
        let entries = fields["machines"]?.entries("\(name).machines", &errors) ?? []
        guard !entries.isEmpty else {
            return errors.report("\(name) takes machines, as in {desk: KEY}", at: node.position)
        }
        for entry in entries {
            guard let machine = machine(entry, of: plan, &errors) else { continue }
            approvals.fleet.append(machine)
        }
    }

    private func machine(
        _ entry: YAMLEntry,
        of plan: FleetPlan,
        _ errors: inout Diagnostics
    ) -> ApprovalPlan.Machine? {
        let name = "approvals.fleet.machines.\(entry.key)"
        let isPlain = entry.key.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "-")
        }
        guard isPlain, ApprovalPlan.machineLength.contains(entry.key.utf8.count) else {
            errors.report(
                "\(name): a machine's name is 1 to \(ApprovalPlan.machineLength.upperBound) lower-case letters, digits and \"-\"",
                at: entry.keyPosition
            )
            return nil
        }
        guard !issuers.contains(where: { $0.name.isSame(as: entry.key) }) else {
            errors.report(
                "\(name): an issuer is called so; group:\(entry.key):NAME would be both's",
                at: entry.keyPosition
            )
            return nil
        }
        guard let text = entry.value.text(name, &errors) else { return nil }
        guard let key = FleetPlan.key(text), plan.trust.contains(where: { $0.isSame(as: key) }) else {
            errors.report(
                "\(name): \"\(text)\" is no key that audit.postgres.trust names",
                at: entry.value.position
            )
            return nil
        }
        guard !approvals.fleet.contains(where: { $0.key.isSame(as: key) }) else {
            errors.report("\(name): that key has a name already", at: entry.value.position)
            return nil
        }
        return ApprovalPlan.Machine(name: entry.key, key: key)
    }
}
