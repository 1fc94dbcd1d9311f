internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOHTTP1
internal import Wire

// What the upstream says.
extension HTTPConversation {
    func received(_ message: HTTPMessage, from sender: any Upstream) {
        guard sender === link, !ending else { return }
        lastActivity = .now()
        advance { $0.received(message, from: .upstream) }
        account()
        // A link that has been given back tells nobody any more that its read is complete.
        if link == nil { flush() }
        resumeReading()
    }

    /// The upstream connection is gone.
    func upstreamEnded(_ sender: any Upstream) {
        guard sender === link, !ending else { return }
        if let again = repeatable(sender) { return once(more: again) }
        perform(engine.ended(.upstream))
        flush()
    }

    /// The upstream has no answer to this, or no more of it.
    func unanswered(_ denial: Denial, by sender: any Upstream) {
        guard sender === link, !ending else { return }
        perform(engine.refuseExchange(denial))
        flush()
        resumeReading()
    }

    /// A request may be sent once more when a connection kept from before turned out to be closed: nothing came
    /// back, it is safe to repeat, and all of it is still here (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
    private func repeatable(_ sender: any Upstream) -> Exchange? {
        guard let exchange, sender.reused, !sender.answered, !exchange.retried, !exchange.hasBody,
            exchange.requestEnded, let head = exchange.head
        else { return nil }
        let safe: [HTTPMethod] = [.GET, .HEAD, .OPTIONS, .PUT, .DELETE]
        return safe.contains(head.method) ? exchange : nil
    }

    private func once(more exchange: Exchange) {
        link = nil
        authoriser.authorise(exchange.request, authoriser.fields) { outcome in
            switch consume outcome {
            case .denied: self.giveUp(exchange)
            case .unread: self.giveUp(exchange)
            case .allowed(let authorised): self.redial(exchange, authorised)
            }
        }
    }

    private func redial(_ exchange: Exchange, _ authorised: consuming Authorised) {
        let identity = authorised.material?.identity
        repeated(under: authorised.exchange)
        upstreams.lease(authorised, fresh: true) { result in
            guard case .success(let link) = result else { return self.giveUp(exchange) }
            guard self.context != nil, !self.ending, let head = exchange.head else { return link.close() }
            self.link = link
            self.exchange?.retried = true
            self.exchange?.identity = identity
            link.attach(self)
            link.write(.requestHead(head))
            link.write(.end(nil))
            link.flush()
        }
    }

    private func giveUp(_ exchange: Exchange) {
        guard context != nil, !ending, self.exchange?.id == exchange.id else { return }
        perform(engine.ended(.upstream))
        flush()
    }
}
