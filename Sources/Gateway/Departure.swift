internal import Glibc
internal import Model
internal import NIOCore
internal import Synchronization

/// The end of an agent at the gateway: what its processes tried before they were gone is taken from the kernel,
/// refused and recorded; then its sockets are closed.
///
/// Lives on the listener's loop. Every process of the agent is gone, so each connection has all its bytes and its end
/// in the kernel already: the time limit is for what somebody else holds open.
final class Departure: Sendable {
    /// How long to wait between two looks at what is left.
    private static let pause = TimeAmount.microseconds(200)
    /// How long to wait for channels that were cut: for turns of the loops, not for any peer.
    private static let cutting = TimeAmount.seconds(1)

    private let resident: Resident
    private let gatehouse: Gatehouse
    private let sockets: Sockets
    private let deadline: NIODeadline
    /// Looks at what is left before the deadline counts, half of those that fit in.
    ///
    /// On a machine that is busy elsewhere it may be over before the loops have had a turn.
    private let looks: Mutex<Int64>
    private let whenGone: @Sendable () -> Void

    /// The agent's sockets.
    struct Sockets: Sendable {
        let listener: any Channel
        /// The listener's descriptor, as long as the channel is active.
        let listenerDescriptor: Int32
        let others: [any Channel]
        /// Descriptors of those among the others that are read until nothing is left.
        let readToTheEnd: [Int32]
    }

    init(
        of resident: Resident,
        _ gatehouse: Gatehouse,
        sockets: Sockets,
        whenGone: @escaping @Sendable () -> Void
    ) {
        self.resident = resident
        self.gatehouse = gatehouse
        self.sockets = sockets
        self.whenGone = whenGone
        let limit = TimeAmount.milliseconds(gatehouse.limits.lastAttempts)
        deadline = .now() + limit
        looks = Mutex(limit.nanoseconds / Self.pause.nanoseconds / 2)
    }

    /// Calls `whenGone` once the record of everything the agent tried has been appended.
    func begin() {
        for channel in sockets.others { channel.pipeline.fireUserInboundEventTriggered(AgentEnded()) }
        listener.eventLoop.execute { self.hear() }
    }

    private func hear() {
        let isDue = looks.withLock { looks in
            looks = max(0, looks - 1)
            return looks == 0
        }
        let isLate = isDue && NIODeadline.now() >= deadline
        let waiting = connectionsWait
        let isQuiet = !waiting && resident.present == 0 && !sockets.readToTheEnd.contains(where: isReadable)
        guard isLate || isQuiet else { return again { $0.hear() } }
        if waiting {
            Authoriser(resident, gatehouse, loop: listener.eventLoop).refused(nil, .leftUnread)
        }
        resident.shut()
        listener.close().whenComplete { _ in
            self.sweep(until: .now() + Self.cutting)
        }
    }

    /// What was cut is recorded as it goes.
    private func sweep(until deadline: NIODeadline) {
        // The record of the end comes behind those of what came before it.
        let isRecorded = resident.recordings.load(ordering: .relaxed) == 0
        guard resident.present == 0 && isRecorded || NIODeadline.now() >= deadline else {
            return again { $0.sweep(until: deadline) }
        }
        let closed = sockets.others.map { $0.close() }
        EventLoopFuture.andAllComplete(closed, on: listener.eventLoop).whenComplete { _ in
            self.resident.sumUpDatagrams(self.gatehouse.audit)
            self.resident.sumUpDenials(self.gatehouse.audit)
            self.whenGone()
        }
    }

    private var listener: any Channel { sockets.listener }

    private func again(_ action: @escaping @Sendable (Departure) -> Void) {
        listener.eventLoop.scheduleTask(in: Self.pause) { action(self) }
    }

    /// Whether the kernel holds a connection that nobody has accepted.
    private var connectionsWait: Bool {
        listener.isActive && isReadable(sockets.listenerDescriptor)
    }

    private func isReadable(_ descriptor: Int32) -> Bool {
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&watched, 1, 0) > 0 && watched.revents & Int16(POLLIN) != 0
    }
}

/// Counts every connection of a listener the moment it is accepted, before it is handed to its loop.
final class Gatepost: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let resident: Resident

    init(_ resident: Resident) {
        self.resident = resident
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        resident.accepted(unwrapInboundIn(data))
        context.fireChannelRead(data)
    }
}
