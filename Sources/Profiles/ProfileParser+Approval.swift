internal import Model
internal import Policy

/// `approval` of a rule, or of `children`.
extension ProfileParser {
    private static let approvalKeys = ["for", "wait", "approvers", "by", "not-principal"]

    /// What a rule demands of an approval; the defaults where it says nothing.
    mutating func approval(_ rule: YAMLMapping, of what: String) -> ApprovalTerms {
        guard let node = rule["approval"] else { return ApprovalTerms() }
        if rule["ask"] == nil {
            errors.report("approval says nothing here: \(what) has no \"ask\"", at: node.position)
        }
        guard let fields = node.mapping("approval", keys: Self.approvalKeys, &errors) else {
            return ApprovalTerms()
        }
        if fields.entries.isEmpty {
            errors.report(
                "approval says nothing: it has \(Self.approvalKeys.joined(separator: ", "))",
                at: node.position
            )
        }
        var terms = ApprovalTerms()
        if let life = fields["for"].flatMap({ life($0) }) { terms.life = life }
        if let wait = fields["wait"].flatMap({ time($0, "approval.wait", atMost: ApprovalTerms.maximumWait) })
        {
            terms.wait = wait
        }
        if let node = fields["approvers"],
            let count = node.integer("approval.approvers", 1...ApprovalTerms.maximumApprovers, &errors)
        {
            terms.approvers = count
        }
        if let node = fields["by"] { terms.by = approvers(node) }
        terms.excludesPrincipal =
            fields["not-principal"]?.boolean("approval.not-principal", &errors) ?? false
        // How many are in a group nobody knows here.
        if let node = fields["by"], !terms.by.isEmpty, terms.by.count < terms.approvers,
            !terms.by.contains(where: { ApproverGroup.isName($0.text) })
        {
            errors.report(
                "approval.by names \(terms.by.count), and approvers demands \(terms.approvers) of them",
                at: node.position
            )
        }
        return terms
    }

    private mutating func life(_ node: YAMLNode) -> ApprovalTerms.Life? {
        guard let text = node.text("approval.for", &errors) else { return nil }
        if text.isSame(as: "once") { return .once }
        if text.isSame(as: "agent") { return .agent }
        return time(node, "approval.for", atMost: ApprovalTerms.maximumTime).map { .time($0) }
    }

    private mutating func time(_ node: YAMLNode, _ what: String, atMost most: UInt64) -> UInt64? {
        guard let text = node.text(what, &errors) else { return nil }
        do throws(TextProblem) {
            let time = try Quantity.duration(text)
            guard time <= most else {
                throw TextProblem("\(what): \(text) is more than \(ApprovalTerms.Life.time(most))")
            }
            return time
        } catch {
            errors.report(error, in: node)
            return nil
        }
    }

    private mutating func approvers(_ node: YAMLNode) -> [ByteText] {
        var named: [ByteText] = []
        for item in node.texts("approval.by", &errors) ?? [] {
            guard named.count < ApprovalTerms.maximumNamed else {
                errors.report(
                    "approval.by names more than \(ApprovalTerms.maximumNamed)",
                    at: item.position
                )
                break
            }
            guard ApproverGroup.isName(item.text) || Principal(named: item.text) != nil else {
                errors.report(
                    "approval.by: \"\(item.text)\" is neither a principal nor a group; it is written user:NAME, "
                        + "oidc:ISSUER:SUBJECT, group:NAME (of this machine) or group:ISSUER:NAME (as tokens claim it)",
                    at: item.position
                )
                continue
            }
            named.append(ByteText(item.text))
        }
        if named.isEmpty { errors.report("approval.by names nobody", at: node.position) }
        return named
    }
}
