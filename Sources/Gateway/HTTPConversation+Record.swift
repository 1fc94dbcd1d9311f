internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOHTTP1
internal import Wire

// What came of a request goes on record: always its head.
extension HTTPConversation {
    /// Takes down a part of the reply to the exchange under way, as it goes to the client.
    func note(_ message: HTTPMessage, under id: RulingID) {
        guard exchange?.id == id else { return }
        switch message {
        case .responseHead(let head):
            exchange?.reply.status = Int(head.status.code)
            exchange?.reply.fields = HeadFields(head.headers)
        case .body(let bytes): exchange?.reply.received += UInt64(bytes.readableBytes)
        case .end(let trailers): exchange?.reply.trailers = trailers.map { HeadFields($0) }
        case .requestHead, .unreadable: break
        }
    }

    /// The exchange under way is over, or ends early for a reason.
    func conclude(because cause: String? = nil) {
        guard let exchange else { return }
        self.exchange = nil
        authoriser.replied(cause.map(exchange.reply.ended) ?? exchange.reply)
    }

    /// The request goes out once more, under another record.
    func repeated(under number: UInt64) {
        guard let exchange else { return }
        authoriser.replied(exchange.reply.ended("the connection was gone; it is sent again"))
        self.exchange?.reply = Reply(to: exchange.request, number)
    }
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
