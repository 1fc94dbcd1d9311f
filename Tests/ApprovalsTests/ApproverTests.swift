import Approvals
import Model
import Testing

@Suite("Who may approve")
struct ApproverTests {
    let holder = Holder()

    private static func approver(
        _ name: String,
        uid: UInt32 = Principal.unknownUser,
        groups: [String] = [],
        alsoKnownAs names: [String] = [],
        isNamedOnly: Bool = false
    ) throws -> Answerer {
        let principal =
            uid == Principal.unknownUser
            ? try #require(Principal(named: name)) : Principal(localUser: String(name.dropFirst(5)), uid: uid)
        let identity = ApproverIdentity(
            principal,
            groups: Set(groups.map { ByteText($0) }),
            alsoKnownAs: Set(names.map { ByteText($0) }),
            isNamedOnly: isNamedOnly
        )
        return Answerer(identity, program: nil, process: nil)
    }

    private func hold(_ by: [String], approvers: Int = 1) -> Holder.Heard {
        holder.hold(Holder.request(terms: ApprovalTerms(approvers: approvers, by: by.map { ByteText($0) })))
    }

    private func isRefused(_ who: Answerer, _ words: String = "may not approve it by the rules") -> Bool {
        guard case .refused(let why)? = holder.approve(by: who) else { return false }
        return why.contains(words)
    }

    @Test(
        "A group that a rule names approves through its members, and which it was is on record",
        arguments: [
            ("group:deploy", ["group:deploy", "group:users"]),
            ("group:corp:deploy", ["group:corp:deploy"]),
        ]
    )
    func members(group: String, groups: [String]) throws {
        let heard = hold([group])
        #expect(isRefused(try Self.approver("user:bob", uid: 1_001)))
        #expect(isRefused(try Self.approver("user:bob", uid: 1_001, groups: ["group:users"])))
        // Of another issuer, or of the machine where an issuer's is meant, it is another group.
        for other in ["group:deploy", "group:other:deploy", "group:corp:deploy"] where other != group {
            #expect(isRefused(try Self.approver("user:bob", uid: 1_001, groups: [other])))
        }
        #expect(heard.all.isEmpty)
        #expect(holder.approve(by: try Self.approver("user:bob", uid: 1_001, groups: groups)) == .done(1))
        #expect(heard.grant != nil && holder.store.records.last?.groups == [group])
    }

    @Test("A group that nobody is in approves nothing")
    func unknown() throws {
        let heard = hold(["group:nosuch"])
        #expect(isRefused(Holder.alice) && isRefused(Holder.root) && heard.all.isEmpty)
        #expect(holder.store.records.last?.groups == nil)
    }

    @Test(
        "Whoever started the run does not approve it as a member of a group, by whatever name they come",
        arguments: [
            ("user:alice", UInt32(1_000), []), ("user:alice2", 1_000, []),
            ("user:alice", Principal.unknownUser, []),
            ("oidc:corp:al", Principal.unknownUser, ["user:alice", "oidc:corp:al"]),
        ] as [(String, UInt32, [String])]
    )
    func own(name: String, uid: UInt32, names: [String]) throws {
        let heard = hold(["group:deploy", "group:corp:deploy"])
        let groups = ["group:deploy", "group:corp:deploy"]
        #expect(
            isRefused(
                try Self.approver(name, uid: uid, groups: groups, alsoKnownAs: names),
                "no group stands for"
            )
        )
        #expect(heard.all.isEmpty)
        // The control: somebody else of the same groups.
        #expect(holder.approve(by: try Self.approver("user:bob", uid: 1_001, groups: groups)) == .done(1))
        #expect(heard.grant != nil)
    }

    @Test("One person of two names is one approver")
    func twoNames() throws {
        let heard = hold(["group:deploy", "group:corp:deploy"], approvers: 2)
        let names = ["user:bob", "oidc:corp:bob"]
        let first = try Self.approver("user:bob", uid: 1_001, groups: ["group:deploy"], alsoKnownAs: names)
        let again = try Self.approver("oidc:corp:bob", groups: ["group:corp:deploy"], alsoKnownAs: names)
        #expect(holder.approve(by: first) == .seconded(missing: 1))
        #expect(isRefused(again, "somebody else has to") && heard.all.isEmpty)
        let other = try Self.approver("oidc:corp:carol", groups: ["group:corp:deploy"])
        #expect(holder.approve(by: other) == .done(1) && heard.grant != nil)
    }

    @Test("Whom an issuer vouches for sees, approves and denies what a rule names them for, and nothing else")
    func namedOnly() throws {
        let open = holder.hold(Holder.request("open"))
        let named = holder.hold(
            Holder.request("named", terms: ApprovalTerms(by: [ByteText("group:corp:ops")]))
        )
        let (first, second) = (holder.queue.open()[0].id, holder.queue.open()[1].id)
        let who = try Self.approver("oidc:corp:eve", groups: ["group:corp:ops"], isNamedOnly: true)
        #expect(holder.queue.open(for: who.identity).map(\.id) == [second])
        #expect(holder.queue.open(named: first, for: who.identity) == nil)
        #expect(holder.approve(first, by: who) == .unknown)
        #expect(holder.deny(.question(first), by: who) == .unknown && open.all.isEmpty)
        #expect(holder.approve(second, by: who) == .done(1) && named.grant != nil)
        // The control: whom the operator chose is shown both.
        #expect(holder.approve(first) == .done(1) && open.grant != nil)
    }
}
