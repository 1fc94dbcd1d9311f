internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOHTTP1
internal import Reflection
internal import Wire

// What came of a request goes on record: always its head.
extension HTTPConversation {
    /// Takes down a part of the reply to the exchange under way, as it goes to the client.
    func note(_ message: HTTPMessage, under id: RulingID) {
        guard exchange?.id == id else { return }
        switch message {
        case .responseHead(let head):
            exchange?.note.reply.status = Int(head.status.code)
            var headers = head.headers
            // HTTP/2 has no such field: the agent does not see it (RFC 9113 section 8.2.2).
            if isStream { headers.remove(name: "transfer-encoding") }
            exchange?.note.reply.fields = HeadFields(headers)
            if let recording = exchange?.note.recording { recordIn(head, recording) }
        case .body(let bytes):
            exchange?.note.reply.received += UInt64(bytes.readableBytes)
            exchange?.note.recording?.take(bytes)
        case .end(let trailers): exchange?.note.reply.trailers = trailers.map { HeadFields($0) }
        case .requestHead, .unreadable: break
        }
    }

    /// So many octets of the request's body have gone to the server.
    func noteSent(_ octets: UInt64) { exchange?.note.reply.sent += octets }

    /// The exchange under way is over, or ends early for a reason.
    func conclude(because cause: String? = nil, closing last: (any Upstream)? = nil) {
        guard let exchange else { return }
        self.exchange = nil
        tell(exchange, because: cause, closing: last)
    }

    private func tell(_ exchange: Exchange, because cause: String?, closing last: (any Upstream)? = nil) {
        let reply = cause.map(exchange.note.reply.ended) ?? exchange.note.reply
        guard let recording = exchange.note.recording else { return authoriser.replied(reply) }
        recording.finish(reply, closing: last)
    }

    /// The request goes out once more, under another record.
    func repeated(under number: UInt64) {
        guard let exchange else { return }
        tell(exchange, because: "the connection was gone; it is sent again")
        self.exchange?.note.reply = Reply(to: exchange.request, number)
        guard exchange.note.recording != nil, let head = exchange.head else { return }
        record(exchange.note.masks)
        if let recording = self.exchange?.note.recording {
            begin(.request, .document(head.headers), recording)
        }
    }
}

// And so do bodies, where the profile of the agent or of an ancestor demands it.
extension HTTPConversation {
    /// Records the bodies of the exchange that begins.
    func record(_ masks: MaskKinds) {
        guard let exchange, let context else { return }
        let work = BodyWork(exchange.note.reply.exchange, of: authoriser.resident, gatehouse.bodies)
        self.exchange?.note.recording = BodyRecording(work, of: self, on: context.eventLoop)
        self.exchange?.note.masks = masks
    }

    /// A message to the upstream; true when it goes out once it is recorded.
    func recordOut(_ message: HTTPMessage, _ recording: BodyRecording) -> Bool {
        if case .requestHead(let head) = message { begin(.request, .document(head.headers), recording) }
        return recording.holds(message)
    }

    /// The head of the reply: what follows is its body, or frames of both sides.
    private func recordIn(_ head: HTTPResponseHead, _ recording: BodyRecording) {
        guard head.status == .switchingProtocols else {
            return begin(.response, .document(head.headers), recording)
        }
        for side in BodySide.allCases { begin(side, .frames, recording) }
    }

    private func begin(_ side: BodySide, _ form: BodyCopy.Form, _ recording: BodyRecording) {
        let secrets = gatehouse.spellings.outward
        recording.begin(
            side,
            BodyWork.Source(form: form, secrets: secrets, kinds: exchange?.note.masks ?? [])
        )
    }
}

/// What goes on record of an exchange, as it comes.
///
/// A class: the exchange is copied at each message.
final class ExchangeNote {
    var reply: Reply
    /// Of bodies, where the profile demands it.
    var recording: BodyRecording?
    var masks: MaskKinds = []

    init(_ reply: Reply) { self.reply = reply }
}

extension Reply {
    init(to request: Request, _ exchange: UInt64) {
        self.init(
            exchange: exchange,
            action: request.action.summary,
            resource: request.endpoint.description
        )
    }

    /// The same, which has ended before it was complete.
    func ended(_ cause: String) -> Reply {
        var ended = self
        ended.cause = cause
        return ended
    }
}
