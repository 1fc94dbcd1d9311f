internal import Identity
package import Model

/// Why an answer of another machine's changes nothing.
package struct FleetRefusal: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

/// Who answers on another machine, as the one that holds the question knows them.
extension ApprovalPlan {
    /// Names and groups of one person that are looked at: more than an issuer's token claims.
    private static let maximumGroups = 256

    /// Who that is here: an issuer's subject is the same everywhere, and a user of that machine nobody, unless `people` lists
    /// `user:MACHINE:NAME`.
    ///
    /// Whoever has a name that a user has here as well is taken for that user where it takes something away: as the one who
    /// started a run, as one who has approved already, and as one who is revoked.
    ///
    /// - Parameters:
    ///   - answerer: the subject that answers, as that machine has it.
    ///   - said: all names of that person there.
    ///   - groups: which they are in there.
    ///   - machine: where that is.
    /// - Returns: who that is.
    /// - Throws: where it is nobody.
    package func identity(
        of answerer: String,
        alsoKnownAs said: [String],
        groups: [String],
        on machine: Machine
    ) throws(FleetRefusal) -> ApproverIdentity {
        if let failure { throw FleetRefusal("who is whom is not known here: of bailey.yaml \(failure)") }
        guard said.count <= 2 * Self.maximumNames, groups.count <= Self.maximumGroups else {
            throw FleetRefusal(
                "it has more than \(2 * Self.maximumNames) names or \(Self.maximumGroups) groups of who answers"
            )
        }
        guard
            let subject = Self.name(answerer, of: machine), let principal = Principal(named: subject)
        else { throw FleetRefusal("it says of nobody that it is theirs") }
        var names: Set<ByteText> = []
        var uids: Set<UInt32> = []
        for said in said + [answerer] {
            guard let name = Self.name(said, of: machine) else {
                throw FleetRefusal("\(subject) has a name that nobody has")
            }
            names.formUnion([ByteText(said), ByteText(name)])
            if let user = try Self.user(said).flatMap(Self.local) { uids.insert(user.uid) }
        }
        let listing = people.first { $0.names.contains(ByteText(subject)) }
        guard principal.proof != nil || listing != nil else {
            throw FleetRefusal("\(subject) is nobody here: approvals.people lists them in no entry")
        }
        let same = people.filter { person in
            !person.names.isDisjoint(with: names) || !person.uids.isDisjoint(with: uids)
        }
        for person in same {
            names.formUnion(person.names)
            uids.formUnion(person.uids)
        }
        let isUser = principal.proof == nil
        return ApproverIdentity(
            principal,
            groups: Set(groups.compactMap { group($0, of: machine) }),
            alsoKnownAs: names,
            uids: uids,
            // An issuer vouches for more people than the operator chose.
            isNamedOnly: !isUser,
            namedBy: isUser ? listing?.names ?? [] : []
        )
    }

    /// Whether a text is how a user of another machine is called here, `user:MACHINE:NAME`.
    func isElsewhere(_ text: String) -> Bool {
        let parts = text.cut(at: ":", omittingEmptySubsequences: false)
        return Self.isOfMachine(text) && !parts[2].isEmpty && fleet.contains { $0.name.isSame(as: parts[1]) }
    }

    /// Whether a text calls a user of a machine so, whichever that is.
    static func isOfMachine(_ text: String) -> Bool {
        let parts = text.cut(at: ":", omittingEmptySubsequences: false)
        return parts.count == 3 && parts[0].isSame(as: "user")
    }

    /// How a subject of that machine is called here; nil for what is none.
    private static func name(_ subject: String, of machine: Machine) -> String? {
        guard subject.utf8.count <= RevocationSubject.maximumLength, let principal = Principal(named: subject)
        else { return nil }
        guard principal.proof == nil else { return subject }
        return user(subject).map { "user:\(machine.name):\($0)" }
    }

    /// The name of a machine's own user; nil for any other subject.
    private static func user(_ subject: String) -> String? {
        let parts = subject.cut(at: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].isSame(as: "user"), !parts[1].isEmpty else { return nil }
        return String(parts[1])
    }

    /// The user of that name here; nil where there is none.
    private static func local(_ name: String) throws(FleetRefusal) -> Principal? {
        do throws(LookupFailure) { return try LocalUser.principal(named: name) } catch {
            throw FleetRefusal("whether a user has that name here is not known: \(error)")
        }
    }

    /// How a group of that machine is called here: no machine says who is in another's.
    private func group(_ group: String, of machine: Machine) -> ByteText? {
        guard ApproverGroup.isName(group) else { return nil }
        let parts = group.cut(at: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return ApproverGroup.claimed(String(parts[1]), by: machine.name) }
        return fleet.contains { $0.name.isSame(as: parts[1]) } ? nil : ByteText(group)
    }
}
