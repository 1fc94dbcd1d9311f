internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOHTTP1

/// Records the bodies of one exchange, on its loop's side: what goes out is held until it is recorded, what comes back is
/// passed on at once, and neither is read while much waits for the disk.
final class BodyRecording {
    private let work: BodyWork
    private let loop: any EventLoop
    private weak var conversation: HTTPConversation?
    /// For the next turn of the work.
    private var jobs: [BodyWork.Job] = []
    /// Octets that are not recorded yet, with what each piece of them costs, and those among them that the work has not.
    private var octets = 0
    private var fresh = 0
    /// Messages to the upstream, in order, that wait for what is before them to be recorded.
    private var held = CircularBuffer<HTTPMessage>()
    /// Those among them that the work has.
    private var handed = 0
    /// The request has one.
    private var hasBody = false
    private var isOver = false

    init(_ work: BodyWork, of conversation: HTTPConversation, on loop: any EventLoop) {
        self.work = work
        self.conversation = conversation
        self.loop = loop
    }

    /// Whether more may be read, from either side.
    var hasRoom: Bool { octets < GatewayLimits.recordedAhead }

    /// Everything that was to go out has gone.
    var isDrained: Bool { held.isEmpty }

    func begin(_ side: BodySide, _ source: BodyWork.Source) {
        jobs.append(.begin(side, source))
    }

    /// A message to the upstream; true when it is held, and goes out later.
    func holds(_ message: HTTPMessage) -> Bool {
        switch message {
        case .body(let bytes):
            hasBody = true
            take(bytes, .request)
        case .end where hasBody:
            // The server has all of it only when all of it is recorded, the word too that the masks keep back.
            jobs.append(.over(.request))
        case .end, .requestHead, .responseHead, .unreadable:
            return false
        }
        held.append(message)
        return true
    }

    /// Some of the reply's body.
    func take(_ bytes: ByteBuffer, _ side: BodySide = .response) {
        let cost = bytes.readableBytes + GatewayLimits.pieceCost
        octets += cost
        fresh += cost
        jobs.append(.take(bytes, side))
    }

    /// Hands over what has come since: once in a turn of the loop.
    func submit() {
        // What bodies will be is no work by itself.
        guard fresh > 0 || held.count > handed else { return }
        let (count, amount) = (held.count - handed, fresh)
        (handed, fresh) = (held.count, 0)
        let recording = NIOLoopBound(self, eventLoop: loop)
        let loop = loop
        work.add(takeJobs()) { failure in
            loop.execute { recording.value.recorded(count, amount, failure) }
        }
    }

    /// The exchange is over; its reply goes on record behind its bodies, and what is held still goes out to `last` before
    /// that is closed.
    func finish(_ reply: Reply, closing last: (any Upstream)? = nil) {
        isOver = true
        jobs.append(.finish(reply))
        guard let last else {
            held.removeAll()
            return work.add(takeJobs()) { _ in }
        }
        let ending = NIOLoopBound((self, last), eventLoop: loop)
        let loop = loop
        work.add(takeJobs()) { failure in
            loop.execute {
                let (recording, last) = ending.value
                while failure == nil, let message = recording.held.popFirst() { last.write(message) }
                last.flush()
                last.close()
            }
        }
    }

    private func takeJobs() -> [BodyWork.Job] {
        defer { jobs.removeAll() }
        return jobs
    }

    private func recorded(_ count: Int, _ amount: Int, _ failure: AuditFailure?) {
        guard !isOver else { return }
        guard failure == nil else {
            if let failure { conversation?.recordingFailed(failure) }
            return
        }
        octets -= amount
        guard let conversation, let link = conversation.link else { return }
        for _ in 0..<count { passOn(to: link) }
        handed -= count
        link.flush()
        conversation.resumeReading()
        conversation.resumeReply()
    }

    private func passOn(to link: any Upstream) {
        if let message = held.popFirst() { link.write(message) }
    }
}

extension HTTPConversation {
    /// Nothing goes on unrecorded where the profile demands a record.
    func recordingFailed(_ failure: AuditFailure) {
        perform(engine.refuseExchange(.auditUnavailable(failure)))
        flush()
    }
}
