internal import Glibc
internal import Linux

/// A sandbox made as far as no order decides, whose process waits for the rest of its plan.
///
/// Letting go of it ends it.
final class ParkedSandbox {
    private var parts: SandboxParts?
    private let order: OwnedDescriptor
    /// What it has carried out, or is about to.
    let common: CommonPart

    /// - Parameters:
    ///   - parts: the sockets, of which the agent has its side.
    ///   - order: where its companion waits for the order.
    ///   - common: what it carries out before.
    init(parts: consuming SandboxParts, order: consuming OwnedDescriptor, common: CommonPart) {
        self.common = common
        self.parts = consume parts
        self.order = order
    }

    /// Whether it still waits: what became of one that does not is in its reports.
    var isWaiting: Bool {
        var watched = pollfd(fd: order.rawValue, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&watched, 1, 0) == 0
    }

    /// Hands it the rest of the plan, and gives away its sockets, with streams added.
    func ordered(
        _ plan: borrowing OwnedDescriptor,
        of request: LaunchRequest
    ) throws(SystemCallError) -> SandboxParts {
        guard var parts = parts.take() else {
            throw SystemCallError(stage: "order", object: "a sandbox that is taken", errno: EALREADY)
        }
        if !request.terminal { try parts.addPipes() }
        let streams = parts.agentStreams(orElse: plan.rawValue)
        do throws(SystemCallError) {
            let descriptors = [plan.rawValue] + streams + [request.extraFiles.descriptor]
            try PacketSocket.send([0], descriptors: descriptors, on: order.rawValue)
        } catch {
            // One that has failed meanwhile says at which step in its reports.
            guard error.errno == EPIPE || error.errno == ECONNRESET else { throw error }
        }
        parts.closeAgentStreams()
        return parts
    }
}
