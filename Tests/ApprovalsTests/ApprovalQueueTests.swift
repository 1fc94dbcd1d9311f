import Approvals
import Dispatch
import Model
import Synchronization
import Testing

@Suite("The queue of approvals")
struct ApprovalQueueTests {
    let holder = Holder()

    @Test("a request is held until it is approved, and question and answer are on record before it goes on")
    func approved() {
        let heard = holder.hold()
        #expect(heard.all.isEmpty && holder.store.events == [.asked])
        #expect(holder.approve() == .done(1))
        #expect(heard.grant?.id == holder.store.records.first?.question)
        #expect(holder.store.events == [.asked, .approved])
        #expect(
            holder.store.records.last?.by == Holder.principal && holder.store.records.last?.life == "once"
        )
        #expect(holder.queue.open().isEmpty)
    }

    @Test("two who are known by name alone are two, and one of them counts once")
    func named() throws {
        let heard = holder.hold(Holder.request(terms: ApprovalTerms(approvers: 2)))
        let names = ["user:carol", "user:carol", "user:dave"]
        let outcomes = try names.map { name in
            holder.approve(by: Answerer(try #require(Principal(named: name)), program: nil, process: nil))
        }
        #expect(outcomes[0] == .seconded(missing: 1) && outcomes[2] == .done(1), "\(outcomes)")
        guard case .refused? = outcomes[1] else {
            Issue.record("\(outcomes)")
            return
        }
        #expect(heard.grant != nil)
    }

    @Test("what is denied hears by whom and why")
    func denied() {
        let heard = holder.hold()
        #expect(holder.deny(reason: "not on a Friday") == .done(1))
        #expect(
            heard.only
                == .denied(id: holder.store.records[0].question, by: "user:alice", reason: "not on a Friday")
        )
    }

    @Test(
        "H02: what nobody answers in time is refused, on record, and an answer that comes later changes nothing"
    )
    func unanswered() {
        let heard = holder.hold(Holder.request(terms: ApprovalTerms(wait: 5_000)))
        let id = holder.queue.open()[0].id
        holder.time.pass(4_999)
        holder.queue.expire()
        #expect(heard.all.isEmpty && holder.queue.nextDeadline == 6_000)
        holder.time.pass(1)
        // In the very moment of its end, before anybody has looked.
        #expect(holder.queue.open().isEmpty)
        #expect(holder.approve(id) == .refused("its time is over"))
        holder.queue.expire()
        #expect(heard.only == .unanswered(id: id, after: 5_000))
        #expect(holder.approve(id) == .unknown && holder.deny(.question(id)) == .unknown)
        #expect(holder.store.events == [.asked, .refused, .unanswered])
    }

    @Test("H05, H06: an approval is for that request of that agent under that policy alone, and once")
    func bound() {
        let first = holder.hold()
        holder.approve()
        #expect(first.grant != nil)
        let others = [
            holder.hold(), holder.hold(Holder.request("d2")), holder.hold(Holder.request(agent: 2)),
            holder.hold(Holder.request(version: 1)),
        ]
        #expect(others.allSatisfy { $0.all.isEmpty })
        #expect(holder.queue.open().count == 4)
    }

    @Test(
        "H06: an approval for a time is good for the same request until it is over, and not a moment longer"
    )
    func forATime() throws {
        let terms = ApprovalTerms(life: .time(60_000))
        let first = holder.hold(Holder.request(terms: terms))
        #expect(holder.approve(for: .time(60_000)) == .done(1))
        let grant = try #require(first.grant)
        holder.time.pass(59_999)
        #expect(holder.hold(Holder.request(terms: terms)).grant == grant && holder.queue.stands(grant))
        #expect(holder.hold(Holder.request("d2", terms: terms)).all.isEmpty)
        holder.time.pass(1)
        #expect(!holder.queue.stands(grant))
        #expect(holder.hold(Holder.request(terms: terms)).all.isEmpty)
    }

    @Test("an approval for the agent's life ends with it")
    func forTheAgent() {
        let terms = ApprovalTerms(life: .agent)
        _ = holder.hold(Holder.request(terms: terms))
        holder.approve(for: .agent)
        holder.time.pass(10_000_000)
        #expect(holder.hold(Holder.request(terms: terms)).grant != nil)
        holder.queue.ended(AgentID(run: "0123456789ab", ordinal: 1))
        #expect(holder.hold(Holder.request(terms: terms)).all.isEmpty)
    }

    @Test("nobody approves for longer than the rules that ask let")
    func longer() {
        _ = holder.hold(Holder.request(rules: ["a.yaml:1"], terms: ApprovalTerms(life: .time(1_000))))
        #expect(
            holder.approve(for: .agent) == .refused("the rules that ask let it be approved for 1s at most")
        )
        #expect(
            holder.approve(for: .time(1_001)) != .done(1) && holder.approve(for: .time(1_000)) == .done(1)
        )
    }

    @Test("two who wait for one approval: one has it, and the other is another question")
    func twoWait() {
        let heard = [holder.hold(), holder.hold()]
        #expect(holder.queue.open().map(\.waiting) == [2])
        holder.approve()
        #expect(heard.compactMap(\.grant).count == 1)
        #expect(
            holder.queue.open().map(\.waiting) == [1] && holder.store.events == [.asked, .approved, .asked]
        )
    }

    @Test("of a hundred who try at once to spend one approval one does")
    func race() async {
        let first = holder.hold()
        if let ticket = first.ticket.withLock({ $0 }) { holder.queue.withdraw(ticket) }
        holder.approve()
        #expect(first.all.isEmpty)
        let holder = holder
        let heard = await withTaskGroup(of: Holder.Heard.self) { group in
            for _ in 0..<100 { group.addTask { holder.hold() } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(heard.count { $0.grant != nil } == 1)
        #expect(holder.queue.open().map(\.waiting) == [99])
    }

    @Test(
        "a client that goes away leaves the question; its answer is good for the same request, once, for a while"
    )
    func retried() {
        for wait in [ApprovalLimits.unspent - 1, ApprovalLimits.unspent] {
            let heard = holder.hold()
            if let ticket = heard.ticket.withLock({ $0 }) { holder.queue.withdraw(ticket) }
            #expect(holder.queue.open().map(\.waiting) == [0])
            holder.approve()
            holder.time.pass(wait)
            let retry = holder.hold()
            #expect((retry.grant != nil) == (wait < ApprovalLimits.unspent))
            #expect(heard.all.isEmpty)
            let again = holder.hold()
            #expect(again.all.isEmpty)
            holder.deny()
        }
    }

    @Test("an approval that came in the moment in which its client went is there for the same request again")
    func givenBack() throws {
        let heard = holder.hold()
        holder.approve()
        holder.queue.giveBack(try #require(heard.grant), of: Holder.request())
        #expect(holder.hold(Holder.request("d2")).all.isEmpty)
        #expect(holder.hold().grant == heard.grant && holder.hold().all.isEmpty)
    }

    @Test(
        "H06: nothing is approved, and no approval is good, once its agent is cut off",
        arguments: [false, true]
    )
    func revoked(whileApproving: Bool) {
        let epoch = RevocationEpoch()
        let terms = ApprovalTerms(life: .agent)
        _ = holder.hold(Holder.request("kept", epoch: epoch, terms: terms))
        holder.approve(for: .agent)
        let heard = holder.hold(Holder.request(epoch: epoch, terms: terms))
        let id = holder.queue.open()[0].id
        if whileApproving {
            holder.store.wait()
            holder.approve(id)
        }
        epoch.end(
            by: Revocation(
                agent: nil,
                principal: "user:alice",
                by: "user:root",
                time: Timestamp(milliseconds: 0),
                reason: nil
            )
        )
        if !whileApproving {
            #expect(holder.approve(id) == .refused("its agent, or one above it, was cut off"))
        }
        holder.queue.voidRevoked(because: "revoked by user:root")
        holder.store.release()
        #expect(heard.only == .void)
        #expect(holder.hold(Holder.request("kept", epoch: epoch, terms: terms)).only == .void)
        #expect(holder.store.events.last == .void && holder.queue.open().isEmpty)
    }

    @Test("two have to approve where a rule says so; the same one twice is one")
    func twoApprovers() {
        let heard = holder.hold(Holder.request(terms: ApprovalTerms(approvers: 2)))
        let id = holder.queue.open()[0].id
        #expect(holder.approve(id) == .seconded(missing: 1))
        #expect(holder.queue.open()[0].approvedBy == ["user:alice"])
        #expect(holder.approve(id) == .refused("user:alice has approved it already; somebody else has to"))
        #expect(heard.all.isEmpty)
        #expect(holder.approve(id, by: Holder.root) == .done(1) && heard.grant != nil)
        #expect(holder.store.events == [.asked, .seconded, .refused, .approved])
    }

    @Test("answers that are refused again and again are on record up to a bound, which the last of them says")
    func refusedAgainAndAgain() {
        let heard = holder.hold(Holder.request(terms: ApprovalTerms(approvers: 2)))
        let id = holder.queue.open()[0].id
        #expect(holder.approve(id) == .seconded(missing: 1))
        for _ in 0..<3 * ApprovalLimits.refusedAnswers {
            guard case .refused = holder.approve(id) else {
                Issue.record("approved twice by the same")
                return
            }
        }
        let refused = holder.store.records.filter { $0.event == .refused }
        #expect(refused.count == ApprovalLimits.refusedAnswers)
        #expect(refused.count { $0.reason?.contains("not on record") == true } == 1)
        #expect(refused.last?.reason?.contains("not on record") == true)
        #expect(holder.approve(id, by: Holder.root) == .done(1) && heard.grant != nil, "others are heard")
    }

    @Test("whoever started the run does not approve where a rule says so, nor somebody whom it does not name")
    func whoMay() {
        for terms in [
            ApprovalTerms(excludesPrincipal: true), ApprovalTerms(by: [ByteText("user:root")]),
        ] {
            let heard = holder.hold(Holder.request(terms: terms))
            guard case .refused = holder.approve() else {
                Issue.record("approved by somebody who may not: \(terms)")
                continue
            }
            #expect(heard.all.isEmpty && holder.approve(by: Holder.root) == .done(1) && heard.grant != nil)
        }
    }

    @Test(
        "H03: a thousand of the same are one question, of others few are asked, and one answer denies a rule's"
    )
    func flood() {
        let same = (0..<ApprovalLimits.waiters).map { _ in holder.hold() }
        #expect(holder.queue.open().map(\.waiting) == [ApprovalLimits.waiters])
        let others = (0..<1_000).map { holder.hold(Holder.request("other \($0)")) }
        let refused = others.count { if case .tooMany = $0.only { true } else { false } }
        #expect(refused == 1_001 - ApprovalLimits.questionsPerAgent)
        // Another agent is heard all the same.
        let neighbour = holder.hold(Holder.request(agent: 2, rules: ["other.yaml:9"]))
        #expect(holder.deny(.rule("ci.yaml:3")) == .done(ApprovalLimits.questionsPerAgent))
        #expect((same + others).allSatisfy { $0.all.count == 1 } && neighbour.all.isEmpty)
        guard case .denied = holder.hold(Holder.request("later")).only else {
            Issue.record("asked again after all of the rule was denied")
            return
        }
        #expect(holder.queue.open().count == 1)
    }

    @Test("H03: the agents of one run together leave room for those of others")
    func crowd() {
        let crowd = (1...20).flatMap { agent in
            (0..<ApprovalLimits.questionsPerAgent).map {
                holder.hold(Holder.request("\(agent) \($0)", agent: agent))
            }
        }
        #expect(crowd.count { $0.all.isEmpty } == ApprovalLimits.questionsPerRun)
        #expect(holder.hold(Holder.request("elsewhere", run: "ba9876543210")).all.isEmpty)
    }

    @Test("H03: an agent that asks on and on is not heard for the rest of the minute")
    func rate() {
        for number in 0..<ApprovalLimits.questionsPerWindow {
            _ = holder.hold(Holder.request("\(number)"))
            holder.deny()
        }
        guard case .tooMany = holder.hold(Holder.request("one more")).only else {
            Issue.record("asked without end")
            return
        }
        holder.time.pass(ApprovalLimits.window)
        #expect(holder.hold(Holder.request("one more")).all.isEmpty)
    }

    @Test("what cannot be put on record is not asked, and an answer that cannot approves nothing")
    func unrecorded() {
        let heard = holder.hold()
        holder.store.fail()
        #expect(holder.approve() == .unrecorded(AuditFailure("disk full")))
        #expect(heard.only == .unrecorded(AuditFailure("disk full")))
        #expect(holder.hold(Holder.request("d2")).only == .unrecorded(AuditFailure("disk full")))
        #expect(holder.queue.open().isEmpty)
    }

    @Test(
        "an approval of one of two that cannot be put on record does not count, and nobody goes on by the other's"
    )
    func unrecordedSecond() {
        let heard = holder.hold(Holder.request(terms: ApprovalTerms(approvers: 2)))
        let id = holder.queue.open()[0].id
        holder.store.fail()
        #expect(holder.approve(id) == .unrecorded(AuditFailure("disk full")))
        #expect(heard.only == .unrecorded(AuditFailure("disk full")))
        #expect(holder.approve(id, by: Holder.root) == .unknown && heard.grant == nil)
    }

    @Test("nobody waits for the end of a question that is being answered, and of one that is open they do")
    func deadlines() {
        _ = holder.hold()
        #expect(holder.queue.nextDeadline == holder.time.now + ApprovalTerms.usualWait)
        holder.store.wait()
        holder.deny()
        #expect(holder.queue.nextDeadline == nil)
        holder.store.release()
        #expect(holder.queue.nextDeadline == nil && holder.queue.open().isEmpty)
    }

    @Test(
        "a question ends with the last who waits, when it is of no use without them; an answer that is decided stands"
    )
    func ended() throws {
        func end(_ heard: Holder.Heard) throws {
            holder.queue.end(try #require(heard.ticket.withLock { $0 }), because: "it went")
        }
        let (first, second) = (holder.hold(), holder.hold())
        try end(first)
        #expect(holder.queue.open().count == 1)
        try end(second)
        #expect(holder.queue.open().isEmpty && first.all.isEmpty && second.all.isEmpty)
        #expect(holder.store.events == [.asked, .void] && holder.store.records.last?.reason == "it went")
        holder.store.wait()
        let third = holder.hold()
        try end(third)
        holder.store.release()
        #expect(holder.queue.open().isEmpty)
        let fourth = holder.hold()
        holder.store.wait()
        holder.approve()
        try end(fourth)
        holder.store.release()
        // Who asks for the same again has the approval that nobody was there for.
        #expect(fourth.all.isEmpty && holder.hold().grant != nil)
    }

    @Test("each rule along the lineage has to be satisfied, by whom it names")
    func along() {
        let request = Holder.request()
        let demands = [
            ApprovalDemand(
                hop: request.demands[0].hop,
                rule: RuleReference(text: "a", source: "a.yaml:1"),
                terms: ApprovalTerms(life: .agent, by: [ByteText("user:root")])
            ),
            ApprovalDemand(
                hop: request.demands[0].hop,
                rule: RuleReference(text: "b", source: "b.yaml:1"),
                terms: ApprovalTerms(by: [ByteText("user:alice")])
            ),
        ]
        let both = HeldRequest(
            lineage: request.lineage,
            epoch: request.epoch,
            version: 0,
            request: Request(
                endpoint: Endpoint(scheme: .https, host: .address(IPAddress(v4: 0x0A00_0001)), port: 443),
                action: .http(method: "GET", path: "/", query: nil)
            ),
            content: request.content,
            digest: "both",
            demands: demands
        )
        #expect(both.life == .once)
        let heard = holder.hold(both)
        #expect(holder.approve() == .seconded(missing: 1) && heard.all.isEmpty)
        #expect(holder.approve(by: Holder.root) == .done(1) && heard.grant != nil)
    }
}
