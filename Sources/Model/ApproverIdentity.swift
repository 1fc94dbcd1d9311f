/// Who answers what rules ask, as far as rules tell approvers apart.
package struct ApproverIdentity: Sendable, Hashable {
    package let principal: Principal
    /// The groups that whoever vouches for the principal says, as rules name them: see `ApproverGroup`.
    package let groups: Set<ByteText>
    /// Every subject that the operator says is this person, its own among them.
    package let names: Set<ByteText>
    /// The user ids of those names that are of this machine, and the principal's own.
    package let uids: Set<UInt32>
    /// Answers only what a rule names it for, or a group of its: an issuer vouches for more people than the operator chose.
    package let isNamedOnly: Bool
    /// The subjects by which a rule may name it: its own, and of another machine's user those that the operator says it is here.
    package let subjects: Set<ByteText>

    package init(
        _ principal: Principal,
        groups: Set<ByteText> = [],
        alsoKnownAs names: Set<ByteText> = [],
        uids: Set<UInt32> = [],
        isNamedOnly: Bool = false,
        namedBy subjects: Set<ByteText> = []
    ) {
        self.principal = principal
        self.groups = groups
        self.names = names.union([ByteText(principal.subject)])
        self.uids = uids.union([principal.uid]).subtracting([Principal.unknownUser])
        self.isNamedOnly = isNamedOnly
        self.subjects = subjects.union([ByteText(principal.subject)])
    }

    /// Whether a principal is the same person, by whatever name: one subject, one the operator says is another's, or one user
    /// id of the kernel's word.
    package func isSame(as other: Principal) -> Bool {
        names.contains(ByteText(other.subject)) || uids.contains(other.uid)
    }

    /// Whether two that answer are one person.
    package func isSame(as other: ApproverIdentity) -> Bool {
        !names.isDisjoint(with: other.names) || !uids.isDisjoint(with: other.uids)
    }
}

/// A group of approvers as a rule names it in `by`: `group:NAME` of this machine, `group:ISSUER:NAME` of what an issuer's
/// tokens claim.
///
/// The issuer's name in `bailey.yaml` has no colon, and a group of this machine whose name has one is none here: no two groups
/// have one name.
package enum ApproverGroup {
    package static let prefix = "group:"
    /// Octets: of the longest group that a token may claim, with its issuer in front.
    package static let longest = 1_280

    /// One of this machine.
    package static func local(_ name: String) -> ByteText? {
        name.isEmpty || name.holds(":") ? nil : ByteText(prefix + name)
    }

    /// One that an issuer's token claims.
    package static func claimed(_ name: String, by issuer: String) -> ByteText? {
        name.isEmpty || issuer.isEmpty || issuer.holds(":") ? nil : ByteText("\(prefix)\(issuer):\(name)")
    }

    /// Whether a text names a group.
    package static func isName(_ text: String) -> Bool {
        guard text.begins(with: prefix), text.utf8.count <= longest, Principal.isPlain(text) else {
            return false
        }
        return text.cut(at: ":", maxSplits: 2, omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty }
    }
}
