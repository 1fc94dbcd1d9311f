internal import Model
internal import NIOCore

/// How much of coded bodies one loop decodes and looks through in a turn, and whose turn is next: a few octets may stand for very
/// many, and the loop serves other agents.
///
/// What fits into the turn in which it came is looked through at once. What does not waits in a line, in which agents take turns,
/// however many connections each has; while anything waits, whatever comes waits behind it.
final class SearchTurns {
    /// Octets that are left of this turn.
    private(set) var room = GatewayLimits.searchedInTurn
    /// Each conversation stands in it once.
    private var line = FairQueue<NIOLoopBound<HTTPConversation>>(
        FairQueue.Limits(running: 1, runningPerAgent: 1, waitingPerAgent: .max)
    )
    private var isRenewing = false
    private var isAwaited = false

    /// Some of the turn has been used, down to this.
    func use(downTo left: Int, on loop: any EventLoop) {
        guard left != room else { return }
        room = left
        renew(on: loop)
    }

    /// A conversation that has more to look through than fits.
    func wait(_ conversation: HTTPConversation, of agent: AgentID, on loop: any EventLoop) {
        room = min(room, 0)
        _ = line.add(NIOLoopBound(conversation, eventLoop: loop), for: agent)
        awaitTurn(on: loop)
    }

    /// The next turn begins behind what the loop has to do now.
    private func renew(on loop: any EventLoop) {
        guard !isRenewing else { return }
        isRenewing = true
        let turns = NIOLoopBound(self, eventLoop: loop)
        loop.execute {
            turns.value.isRenewing = false
            turns.value.begin()
        }
    }

    /// Where some wait, the turn is theirs.
    private func begin() {
        if line.isEmpty { room = GatewayLimits.searchedInTurn }
    }

    private func awaitTurn(on loop: any EventLoop) {
        guard !isAwaited else { return }
        isAwaited = true
        let turns = NIOLoopBound(self, eventLoop: loop)
        _ = loop.scheduleTask(in: .microseconds(GatewayLimits.searchPause)) {
            turns.value.isAwaited = false
            turns.value.goOn(on: loop)
        }
    }

    /// A turn of those that wait.
    private func goOn(on loop: any EventLoop) {
        room = GatewayLimits.searchedInTurn
        // Each that is not through comes to the end of its agent's line again.
        while room > 0, let (agent, conversation) = line.next() {
            line.finished(agent)
            conversation.value.searchOn()
        }
        if line.isEmpty { renew(on: loop) } else { awaitTurn(on: loop) }
    }
}
