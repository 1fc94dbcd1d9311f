internal import Client
internal import Identity
internal import Model
internal import Profiles

/// `approvals`: who answers besides those who have a token or a link.
extension OperatorConfiguration {
    private static let socketKeys = ["path", "group"]
    private static let issuerKeys = ["audience"]

    mutating func readApprovers(_ fields: YAMLMapping, _ errors: inout Diagnostics) {
        if let node = fields["socket"] {
            approvals.socket = Self.socket(node, &approvals.failure, &errors)
        }
        // Before those who may be known by its names.
        if let node = fields["fleet"] { readMachines(node, &errors) }
        if let node = fields["people"] { readPeople(node, &errors) }
        for entry in fields["issuers"]?.entries("approvals.issuers", &errors) ?? [] {
            if let issuer = issuer(entry, &errors) { approvals.issuers.append(issuer) }
        }
    }

    private static func socket(
        _ node: YAMLNode,
        _ failure: inout LookupFailure?,
        _ errors: inout Diagnostics
    ) -> ApprovalPlan.Socket? {
        let name = "approvals.socket"
        guard let fields = node.mapping(name, keys: socketKeys, &errors) else { return nil }
        guard let path = fields["path"], let group = fields["group"] else {
            errors.report("\(name) takes path and group", at: node.position)
            return nil
        }
        guard let place = path.text("\(name).path", &errors), let title = group.text("\(name).group", &errors)
        else { return nil }
        guard place.begins(with: "/"), WorkingDirectory.absolute(place).isSame(as: place) else {
            errors.report(
                "\(name).path: \"\(place)\" is not an absolute path without '.', '..' and empty parts",
                at: path.position
            )
            return nil
        }
        let socketName = place.lastPlace(of: "/").map { place.rest(behind: $0) } ?? place[...]
        guard (1...ApprovalPlan.maximumSocketName).contains(socketName.utf8.count) else {
            errors.report(
                "\(name).path: its last part has 1 to \(ApprovalPlan.maximumSocketName) octets, as much as a socket's name may",
                at: path.position
            )
            return nil
        }
        do throws(LookupFailure) {
            guard let number = try LocalGroup.number(of: title) else {
                errors.report("\(name).group: this machine has no group \"\(title)\"", at: group.position)
                return nil
            }
            return ApprovalPlan.Socket(path: place, group: number)
        } catch {
            failure = error
            return ApprovalPlan.Socket(path: place, group: nil)
        }
    }

    /// Lists of subjects; no subject, and no user of this machine by whatever name, is two people.
    private mutating func readPeople(_ node: YAMLNode, _ errors: inout Diagnostics) {
        let name = "approvals.people"
        var seen: Set<ByteText> = []
        var users: Set<UInt32> = []
        let plan = approvals
        var failure = plan.failure
        defer { approvals.failure = failure }
        approvals.people = Self.items(node, name, ApprovalPlan.maximumPeople, &errors) { node, name, errors in
            let names = node.texts(name, &errors) ?? []
            // Who is of another machine is somebody here by being listed.
            let least = names.contains { plan.isElsewhere($0.text) } ? 1 : 2
            guard (least...ApprovalPlan.maximumNames).contains(names.count) else {
                errors.report(
                    "\(name) lists the subjects that one person is known by, 2 to \(ApprovalPlan.maximumNames)",
                    at: node.position
                )
                return ApprovalPlan.Person?.none
            }
            var uids: Set<UInt32> = []
            for item in names {
                do throws(TextProblem) {
                    if !plan.isElsewhere(item.text), let uid = try Self.user(item.text, &failure) {
                        uids.insert(uid)
                    }
                    guard seen.insert(ByteText(item.text)).inserted else {
                        throw TextProblem("\"\(item.text)\" is listed already")
                    }
                } catch {
                    errors.report("\(name): \(error.message)", at: item.position)
                    return nil
                }
            }
            guard users.isDisjoint(with: uids) else {
                errors.report(
                    "\(name): a user of this machine is listed already, by another name of the same user id",
                    at: node.position
                )
                return nil
            }
            users.formUnion(uids)
            return ApprovalPlan.Person(names: Set(names.map { ByteText($0.text) }), uids: uids)
        }
    }

    /// The user id of a subject that is a user's of this machine; nil for one of an issuer's, or that cannot be looked up.
    private static func user(
        _ text: String,
        _ failure: inout LookupFailure?
    ) throws(TextProblem) -> UInt32? {
        guard let principal = Principal(named: text) else {
            throw TextProblem(
                "\"\(text)\" is no principal; it is written user:NAME or oidc:ISSUER:SUBJECT"
            )
        }
        guard principal.proof == nil else { return nil }
        // By a name alone nobody is known again: what the kernel says of them is a number.
        let user: Principal?
        do throws(LookupFailure) {
            let own = try LocalUser.principal()
            user = own.subject.isSame(as: text) ? own : try local(text)
        } catch {
            failure = error
            return nil
        }
        guard let user else { throw TextProblem("this machine has no user of the name in \"\(text)\"") }
        return user.uid
    }

    /// The user of this machine of a subject, `user:NAME`; nil where there is none.
    static func local(_ subject: String) throws(LookupFailure) -> Principal? {
        guard let colon = subject.firstPlace(of: ":") else { return nil }
        return try LocalUser.principal(named: String(subject.rest(behind: colon)))
    }

    /// An issuer whose tokens answer, under an audience of their own: a token that launches answers nothing.
    private func issuer(_ entry: YAMLEntry, _ errors: inout Diagnostics) -> Issuer? {
        let name = "approvals.issuers.\(entry.key)"
        guard let fields = entry.value.mapping(name, keys: Self.issuerKeys, &errors) else { return nil }
        guard var issuer = issuers.first(where: { $0.name.isSame(as: entry.key) }), issuer.proof == .token
        else {
            errors.report("\(name): issuers has no such issuer of tokens", at: entry.keyPosition)
            return nil
        }
        guard let node = fields["audience"], let audience = node.text("\(name).audience", &errors) else {
            errors.report("\(name) takes audience, which tokens for answers have", at: entry.keyPosition)
            return nil
        }
        guard !audience.isEmpty, !issuer.audiences.holds(bytes: audience) else {
            errors.report(
                "\(name).audience: \"\(audience)\" is what tokens for launches have; whoever may launch would answer as well",
                at: node.position
            )
            return nil
        }
        (issuer.audiences, issuer.sources) = ([audience], [.file])
        issuer.audienceKey = "\(name).audience"
        return issuer
    }
}
