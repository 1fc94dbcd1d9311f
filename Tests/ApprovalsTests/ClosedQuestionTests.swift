import Approvals
import Model
import Testing

@Suite("What is said of questions that are over")
struct ClosedQuestionTests {
    let holder = Holder()

    @Test("how each question ended is said once: by whom, why and for what, or that nobody could answer")
    func ends() {
        _ = holder.hold(Holder.request("d1"))
        #expect(holder.approve() == .done(1))
        _ = holder.hold(Holder.request("d2"))
        holder.deny(reason: "no")
        _ = holder.hold(Holder.request("d3"))
        holder.time.pass(ApprovalTerms.usualWait)
        holder.queue.expire()
        _ = holder.hold(Holder.request("d4"))
        holder.queue.ended(Holder.lineage().agent.agent)
        let all = holder.ended.all
        #expect(all.map(\.outcome) == [.approved, .denied, .unanswered, .void], "\(all)")
        #expect(all.map(\.held.digest) == ["d1", "d2", "d3", "d4"])
        #expect(all.map { $0.by?.principal } == [Holder.principal, Holder.principal, nil, nil])
        #expect(all.map(\.reason) == [nil, "no", nil, "the agent ended"])
        #expect(all.map(\.life) == [.once, nil, nil, nil])
    }

    @Test(
        "an answer that is on record after its agent has ended is said as that end alone",
        arguments: [true, false]
    )
    func endsOnce(approves: Bool) {
        _ = holder.hold()
        holder.store.wait()
        if approves { holder.approve() } else { holder.deny() }
        holder.queue.ended(Holder.lineage().agent.agent)
        holder.store.release()
        #expect(holder.ended.all.map(\.outcome) == [.void])
    }
}
