internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOHTTP1

/// Answers one exchange from a recording: no connection is behind it.
///
/// Lives on the loop of its conversation; what may wait for the disk is done elsewhere (`RecordedExchange`), one step after
/// another.
final class RecordedUpstream: Upstream {
    let isStream = false
    let reused = false
    private(set) var answered = false

    private enum Phase { case asking, answering, over }

    private let servers: RecordedServers
    private let masks: MaskKinds
    private let loop: any EventLoop
    private var conversation: HTTPConversation?
    private var exchange: RecordedExchange?
    private var phase = Phase.over
    /// Of the request, not looked at yet.
    private var fresh: [HTTPMessage] = []
    /// Octets of its body that are not looked at, and those that are not flushed.
    private var (octets, unflushed) = (0, 0)
    /// A step is under way.
    private var isWorking = false
    /// The reply waits for its client.
    private var isPaused = false

    /// `masks` is what the rules mask: bodies are known again by what is recorded of them.
    init(_ servers: RecordedServers, masking masks: MaskKinds, on loop: any EventLoop) {
        self.servers = servers
        self.masks = masks
        self.loop = loop
    }

    var isWritable: Bool { octets < GatewayLimits.recordedAhead }

    func attach(_ conversation: HTTPConversation) {
        guard let request = conversation.exchange?.request else { return }
        self.conversation = conversation
        exchange = RecordedExchange(
            request,
            conversation.authoriser.fields,
            masking: masks,
            from: servers.source
        )
        phase = .asking
    }

    func write(_ message: HTTPMessage) {
        guard phase == .asking else { return }
        if case .body(let bytes) = message {
            octets += bytes.readableBytes
            unflushed += bytes.readableBytes
        }
        fresh.append(message)
    }

    func flush() {
        conversation?.noteSent(UInt64(unflushed))
        unflushed = 0
        ask()
    }

    func resumeReading() {
        guard isPaused else { return }
        isPaused = false
        goOn()
    }

    func detach(complete: Bool) -> UpstreamLink? {
        end()
        return nil
    }

    func close() { end() }

    /// Nothing that is on record changes protocols.
    func turn() { end() }

    private func end() {
        phase = .over
        conversation = nil
        exchange = nil
        fresh = []
    }

    private func ask() {
        guard phase == .asking, !isWorking, !fresh.isEmpty, let exchange else { return }
        let (messages, count) = (fresh, octets)
        fresh = []
        isWorking = true
        servers.run(on: loop) { exchange.take(messages) }.assumeIsolated().whenComplete { result in
            self.isWorking = false
            self.octets -= count
            self.hear(result)
        }
    }

    private func hear(_ result: Result<RecordedExchange.Question, any Error>) {
        guard phase == .asking, let conversation else { return }
        switch result {
        case .success(.more):
            ask()
            conversation.resumeReading()
        case .success(.answered(let head)):
            phase = .answering
            answered = true
            conversation.received(.responseHead(head), from: self)
            conversation.flushClient()
            goOn()
        case .success(.unanswered(let reason)): refuse(reason)
        // The gateway is ending.
        case .failure: conversation.upstreamEnded(self)
        }
    }

    /// Reads on in the reply while its client takes it.
    private func goOn() {
        guard phase == .answering, !isWorking, let conversation, let exchange else { return }
        guard conversation.clientIsWritable else {
            isPaused = true
            return
        }
        isWorking = true
        servers.run(on: loop) { exchange.next() }.assumeIsolated().whenComplete { result in
            self.isWorking = false
            self.pass(result)
        }
    }

    private func pass(_ result: Result<[RecordedExchange.Piece], any Error>) {
        guard phase == .answering, let conversation else { return }
        guard case .success(let pieces) = result else { return conversation.upstreamEnded(self) }
        for piece in pieces {
            // The one before may have ended the conversation.
            guard phase == .answering else { return }
            switch piece {
            case .body(let octets): conversation.received(.body(ByteBuffer(bytes: octets)), from: self)
            case .end(let trailers):
                phase = .over
                conversation.received(.end(trailers), from: self)
            case .unanswered(let reason): return refuse(reason)
            }
        }
        conversation.flushClient()
        goOn()
    }

    private func refuse(_ reason: UnansweredRequest) {
        phase = .over
        conversation?.unanswered(.notRecorded(reason), by: self)
    }
}
