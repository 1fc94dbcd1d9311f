import Model
import NIOCore
import NIOHTTP1
import WebSocketProtocol
import Wire

/// A WebSocket that is open, under the ruling of its opening.
struct WebSocketExchange {
    let id: RulingID
    let checked: CheckedRequest
    var relay: WebSocketRelay<OutwardPayload, InwardPayload>
    /// What hosts had been sent by then.
    var noted: UInt64
    /// It has been said that the credential came back.
    var hasTold = false

    /// What the rules masked in it, said at its end.
    var notes: [EngineAction<HTTPMessage>] {
        let counts = relay.upstream.stage.counts
        return counts.isEmpty ? [] : [.masked(id, .kinds(counts))]
    }
}

// From here on both connections carry frames, which come and go as bodies.
extension HTTPEngine {
    /// The upstream changes protocols.
    mutating func receivedSwitch(_ head: HTTPResponseHead, in exchange: Relaying) -> Actions {
        guard let opening = exchange.checked.opening, exchange.requestEnded else {
            return upstreamFailed(exchange, "the upstream changed protocols without being asked to")
        }
        do {
            var answer = try opening.answer(to: head)
            let isMasked = exchange.search?.mask(&answer.headers) ?? false
            state = .webSocket(
                WebSocketExchange(
                    id: exchange.id,
                    checked: exchange.checked,
                    relay: WebSocketRelay(
                        outward: OutwardPayload(reader.patterns, exchange.leaks, reader.connection.lineage),
                        inward: InwardPayload(
                            masking: exchange.search?.spellings,
                            exchange.search?.kinds ?? []
                        )
                    ),
                    noted: exchange.noted
                )
            )
            let note: Actions = isMasked ? [.masked(exchange.id, .credential(.header))] : []
            return note + [.forward(.responseHead(answer), to: .client, under: exchange.id)]
        } catch {
            return upstreamFailed(exchange, "the upstream's answer \(error.denial.message)")
        }
    }

    /// Frames of one side, or its end.
    mutating func received(
        _ message: HTTPMessage,
        from side: Side,
        in exchange: WebSocketExchange
    ) -> Actions {
        switch message {
        case .body(let bytes): return relayed(bytes, from: side, in: exchange)
        case .end: return over(exchange)
        case .requestHead, .responseHead, .unreadable: return close()
        }
    }

    private mutating func relayed(
        _ bytes: ByteBuffer,
        from side: Side,
        in exchange: WebSocketExchange
    ) -> Actions {
        // Held once while it changes, so that what it keeps is not copied.
        state = .closed
        var exchange = exchange
        if side == .upstream,
            let later = sent(to: exchange.checked.request.endpoint.host, since: &exchange.noted)
        {
            exchange.relay.changeInward { $0.look(for: later) }
        }
        let step = exchange.relay.received(bytes, from: side)
        var actions: Actions = []
        if exchange.relay.upstream.stage.hasFound, !exchange.hasTold {
            exchange.hasTold = true
            actions.append(.masked(exchange.id, .credential(.body)))
        }
        let other: Side = side == .client ? .upstream : .client
        if step.forward.readableBytes > 0 {
            actions.append(.forward(.body(step.forward), to: other, under: exchange.id))
        }
        if let fault = step.fault {
            if let answer = step.answer {
                actions.append(.forward(.body(answer), to: side, under: exchange.id))
            }
            return actions + refused(exchange, fault, by: side)
        }
        guard !exchange.relay.isOver else { return actions + over(exchange) }
        state = .webSocket(exchange)
        return actions
    }

    private mutating func refused(
        _ exchange: WebSocketExchange,
        _ fault: WebSocketFault,
        by side: Side
    ) -> Actions {
        let denial = Denial(
            reason: fault.reason,
            message: "the WebSocket was closed: \(fault.message)",
            rule: nil,
            decidedBy: nil,
            remedy: fault.remedy
                ?? (side == .client
                    ? "Send what RFC 6455 and the profile allow."
                    : "Ask the operator of \(exchange.checked.request.endpoint).")
        )
        return exchange.notes + [
            .forward(.end(nil), to: .client, under: exchange.id),
            .refused(exchange.id, exchange.checked.request, denial),
        ] + close()
    }

    /// Both have said that they send no more, or a connection has ended.
    mutating func over(_ exchange: WebSocketExchange) -> Actions {
        state = .closed
        return exchange.notes + [
            .forward(.end(nil), to: .client, under: exchange.id), .finished(exchange.id),
        ]
            + close()
    }
}
