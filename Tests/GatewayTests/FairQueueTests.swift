import Gateway
import Model
import Testing

/// Whose job is next.
@Suite struct FairQueueTests {
    private let greedy = AgentID(run: "0badcafe", ordinal: 1)
    private let modest = AgentID(run: "0badcafe", ordinal: 2)

    /// A queue of numbers.
    private final class Line {
        private var queue: FairQueue<Int>

        init(running: Int = 4, each: Int = 2, waiting: Int = 8) {
            queue = FairQueue(
                FairQueue.Limits(running: running, runningPerAgent: each, waitingPerAgent: waiting)
            )
        }

        func add(_ job: Int, for agent: AgentID) -> Bool { queue.add(job, for: agent) }
        func next() -> (agent: AgentID, job: Int)? { queue.next() }
        func putBack(_ job: Int, for agent: AgentID) { queue.putBack(job, for: agent) }
        func finished(_ agent: AgentID) { queue.finished(agent) }
        var isEmpty: Bool { queue.isEmpty }
        func hasRoom(for agent: AgentID) -> Bool { queue.hasRoom(for: agent) }
        func remove(of agent: AgentID, _ jobs: Set<Int>) -> [Int] {
            queue.removeAll(of: agent) { jobs.contains($0) }
        }
        func removeAll() -> [Int] { queue.removeAll() }
    }

    @Test func `A queue is empty when nothing waits, whatever runs`() {
        let queue = Line()
        #expect(queue.isEmpty)
        #expect(queue.add(1, for: greedy) && !queue.isEmpty)
        #expect(queue.next()?.job == 1 && queue.isEmpty)
        #expect(queue.add(2, for: greedy) && !queue.isEmpty)
    }

    @Test func `One agent has only its share running, and the next place goes to another`() {
        let queue = Line()
        for job in 1...5 { #expect(queue.add(job, for: greedy)) }
        #expect([queue.next()?.job, queue.next()?.job, queue.next()?.job] == [1, 2, nil])
        #expect(queue.add(10, for: modest))
        #expect(queue.next()?.job == 10)
        queue.finished(greedy)
        #expect(queue.next()?.job == 3)
    }

    @Test func `Jobs that are not wanted leave the line, and their places are free`() {
        let queue = Line(running: 1, each: 1, waiting: 3)
        for job in 1...3 { #expect(queue.add(job, for: greedy)) }
        #expect(queue.add(11, for: modest) && !queue.hasRoom(for: greedy))
        #expect(queue.remove(of: greedy, [1, 3, 11]) == [1, 3])
        #expect(queue.hasRoom(for: greedy) && queue.remove(of: greedy, [2]) == [2])
        #expect(queue.next()?.job == 11)
        #expect(queue.remove(of: modest, [11]) == [], "it runs")
        queue.finished(modest)
        #expect(queue.next() == nil)
        #expect(queue.add(4, for: greedy) && queue.next()?.job == 4)
    }

    @Test
    func `A job that is put back is its agent's next, in a full line too, when the others had their turn`() {
        let queue = Line(running: 1, each: 1, waiting: 2)
        #expect(queue.add(1, for: greedy) && queue.next()?.job == 1)
        #expect(queue.add(2, for: greedy) && queue.add(3, for: greedy) && queue.add(11, for: modest))
        var order: [Int] = []
        queue.finished(greedy)
        queue.putBack(1, for: greedy)
        while let (agent, job) = queue.next() {
            order.append(job)
            queue.finished(agent)
        }
        #expect(order == [1, 11, 2, 3])
    }

    @Test func `Agents take turns, however long the line of one is`() {
        let queue = Line(running: 1, each: 1)
        for job in 1...4 { #expect(queue.add(job, for: greedy)) }
        for job in 11...12 { #expect(queue.add(job, for: modest)) }
        var order: [Int] = []
        while let (agent, job) = queue.next() {
            order.append(job)
            queue.finished(agent)
        }
        #expect(order == [1, 11, 2, 12, 3, 4])
    }

    @Test func `All together run no more than there are places`() {
        let queue = Line(running: 3)
        for job in 0..<4 { #expect(queue.add(job, for: job < 2 ? greedy : modest)) }
        #expect((0..<4).compactMap { _ in queue.next()?.job }.count == 3)
        queue.finished(modest)
        #expect(queue.next() != nil)
    }

    @Test func `A full line takes no more of its agent's, and has room again when one has gone`() {
        let queue = Line(waiting: 2)
        #expect([1, 2, 3].map { queue.add($0, for: greedy) } == [true, true, false])
        #expect(queue.add(4, for: modest))
        #expect(queue.next()?.job == 1)
        #expect(queue.add(3, for: greedy))
    }

    @Test func `What waits can be taken out, and an end that was never begun changes nothing`() {
        let queue = Line(each: 1)
        for job in 1...3 { #expect(queue.add(job, for: greedy)) }
        #expect(queue.next()?.job == 1)
        #expect(queue.removeAll() == [2, 3])
        queue.finished(modest)
        queue.finished(greedy)
        queue.finished(greedy)
        #expect(queue.next() == nil)
        #expect(queue.add(4, for: greedy))
        #expect(queue.next()?.job == 4)
    }
}
