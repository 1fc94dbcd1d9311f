package import Model
internal import Policy

/// Who can answer what rules ask, as `approvals` of `bailey.yaml` says.
package struct ApproverFacts: Sendable, Hashable {
    /// Issuers whose tokens answer.
    package let issuers: [IssuerFacts]
    /// Subjects that the operator gave a token or links, or that are another name of somebody's.
    package let subjects: Set<ByteText>
    /// Names in `people` that are nobody's.
    package let strangers: [String]

    package init(issuers: [IssuerFacts], subjects: Set<ByteText>, strangers: [String]) {
        (self.issuers, self.subjects, self.strangers) = (issuers, subjects, strangers)
    }

    /// Why nobody can answer by a name of `approval.by`; nil where somebody may.
    ///
    /// Users and groups of this machine come and go, and are not looked up.
    fileprivate func absence(of name: ByteText) -> String? {
        let parts = name.text.cut(at: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, !subjects.contains(name) else { return nil }
        let issuer = issuers.first { $0.name.isSame(as: parts[1]) }
        guard !name.text.begins(with: ApproverGroup.prefix) else {
            if issuer?.hasGroups == true { return nil }
            return issuer == nil
                ? "approvals.issuers of bailey.yaml has no \(parts[1]), so that nobody is in it"
                : "issuers.\(parts[1]) of bailey.yaml says no groups, so that nobody is in it"
        }
        guard let proof = Principal.Proof(rawValue: parts[0]), proof != .token || issuer == nil else {
            return nil
        }
        return
            "bailey.yaml lets nobody of that name answer: approvals has no such issuer, and no token, link or person of it"
    }
}

/// Approvers whom rules name and nobody can be, with what is configured: such requests end as unanswered.
extension ProfileReview {
    func absentApprovers(in fragment: ProfileFragment) -> [Lint] {
        absentApprovers(of: fragment.egress)
            + fragment.childAsks.flatMap { absent($0.terms, "children.ask: \($0.glob)", $0.source) }
    }

    /// Those that rules of one profile name.
    func absentApprovers(of rules: [EgressRule]) -> [Lint] {
        rules.flatMap { absent($0.approval, $0.place, $0.source) }
    }

    /// Names of people in `bailey.yaml` that are nobody's.
    func strangePeople(_ source: String) -> [Lint] {
        (launcher.approvers?.strangers ?? []).map {
            Lint(
                source: source,
                message: "approvals.people: \($0): bailey.yaml has no such issuer: nobody can be meant"
            )
        }
    }

    private func absent(_ terms: ApprovalTerms, _ what: String, _ source: String) -> [Lint] {
        guard let approvers = launcher.approvers else { return [] }
        return terms.by.compactMap { name in
            approvers.absence(of: name).map {
                Lint(source: source, message: "\(what): approval.by: \(name.text): \($0)")
            }
        }
    }
}
