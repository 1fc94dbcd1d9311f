import Approvals
import Model
import Testing

@Suite("Approvers who are revoked")
struct RevokedApproverTests {
    let holder = Holder()

    private func answerer(_ name: String, alsoKnownAs names: [String] = []) throws -> Answerer {
        let identity = ApproverIdentity(
            try #require(Principal(named: name)),
            alsoKnownAs: Set(names.map { ByteText($0) })
        )
        return Answerer(identity, program: nil, process: nil, via: "api")
    }

    @Test(
        "What they answer changes nothing, by whatever name of theirs, and is on record; once lifted they answer"
    )
    func refused() throws {
        let heard = holder.hold()
        let bob = try answerer("user:bob", alsoKnownAs: ["oidc:corp:b"])
        holder.revoked.add("oidc:corp:b")
        #expect(holder.approve(by: bob) == .refused("user:bob is revoked"))
        #expect(holder.deny(by: bob) == .refused("user:bob is revoked"))
        #expect(holder.deny(.rule("ci.yaml:3"), by: bob) == .refused("user:bob is revoked"))
        #expect(heard.all.isEmpty && holder.queue.open().count == 1)
        #expect(holder.store.events == [.asked, .refused, .refused, .refused])
        let last = holder.store.records.last
        #expect(
            last?.by?.subject == "user:bob" && last?.reason == "user:bob is revoked" && last?.via == "api"
        )
        // What is asked next is not denied by what they said of all.
        let next = holder.hold(Holder.request("d2"))
        #expect(next.all.isEmpty && holder.queue.open().count == 2)
        holder.revoked.lift("oidc:corp:b")
        #expect(holder.approve(by: bob) == .done(1) && heard.grant != nil)
        #expect(holder.deny(by: bob) == .done(1) && next.only != nil)
    }

    @Test("An approval that they gave before counts no more, where another has to follow")
    func seconded() throws {
        let heard = holder.hold(Holder.request(terms: ApprovalTerms(approvers: 2)))
        let (bob, carol) = (try answerer("user:bob"), try answerer("user:carol"))
        #expect(holder.approve(by: bob) == .seconded(missing: 1))
        #expect(holder.queue.open().first?.approvedBy == ["user:bob"])
        holder.revoked.add("user:bob")
        // Whoever is to follow is not shown an approval that does not count.
        let shown = try #require(holder.queue.open().first)
        #expect(shown.approvedBy.isEmpty && holder.queue.open(named: shown.id)?.approvedBy.isEmpty == true)
        #expect(holder.approve(by: carol) == .seconded(missing: 1) && heard.all.isEmpty)
        #expect(holder.queue.open().first?.approvedBy == ["user:carol"])
        #expect(holder.approve(by: Holder.alice) == .done(1) && heard.grant != nil)
    }

    @Test("One who is revoked while their approval goes on record approves nothing: it is void, on record")
    func meanwhile() throws {
        let heard = holder.hold()
        holder.store.wait()
        let bob = try answerer("user:bob")
        #expect(holder.approve(by: bob) == nil)
        holder.revoked.add("user:bob")
        holder.store.release()
        guard case .denied(_, let by, _)? = heard.only else {
            Issue.record("\(heard.all)")
            return
        }
        #expect(by.contains("revocation") && holder.store.events == [.asked, .approved, .void])
        #expect(holder.ended.all.map(\.outcome) == [.void] && holder.queue.open().isEmpty)
        // Asked again it is another question, and the control.
        let again = holder.hold()
        #expect(holder.approve(by: Holder.alice) == .done(1) && again.grant != nil)
    }

    @Test(
        "Where it cannot be known whether who approved is revoked nothing is approved, and no revocation is told"
    )
    func unknown() throws {
        let heard = holder.hold()
        holder.store.wait()
        let bob = try answerer("user:bob")
        #expect(holder.approve(by: bob) == nil)
        holder.revoked.lose()
        holder.store.release()
        guard case .denied(_, let by, _)? = heard.only else {
            Issue.record("\(heard.all)")
            return
        }
        #expect(by.contains("cannot know") && !by.contains("revocation"), "\(by)")
        #expect(holder.store.records.last?.event == .void)
        #expect(holder.store.records.last?.reason == "the log cannot be read")
        #expect(holder.approve(by: bob) == .unknown && holder.queue.open().isEmpty)
        // The control: it can be again.
        let again = holder.hold()
        #expect(holder.approve(by: bob) == .refused("the log cannot be read") && again.all.isEmpty)
        holder.revoked.find()
        #expect(holder.approve(by: bob) == .done(1) && again.grant != nil)
    }
}
