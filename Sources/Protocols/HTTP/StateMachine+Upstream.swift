import Model
import NIOCore
import NIOHTTP1
import Reflection
import Wire

extension HTTPEngine {
    /// One upstream message.
    ///
    /// Outside an exchange there is none that could be meant for this client.
    mutating func receivedFromUpstream(_ message: HTTPMessage) -> Actions {
        switch state {
        case .relaying(let exchange):
            guard exchange.isReplySearched else {
                guard exchange.late.append(message, joining: true) else { return close() }
                return []
            }
            do { try renew(exchange) } catch { return upstreamFailed(exchange, error) }
            return received(message, in: exchange)
        case .webSocket(let exchange): return received(message, from: .upstream, in: exchange)
        case .idle, .asking, .gathering, .draining: return close()
        case .handedOver, .closed: return []
        }
    }

    /// What the host was sent since the request is looked for as well, in what comes from here on.
    private func renew(_ exchange: Relaying) throws(SearchFault) {
        guard let later = sent(to: exchange.checked.request.endpoint.host, since: &exchange.noted),
            later !== exchange.search?.spellings
        else { return }
        guard exchange.search == nil else {
            exchange.search?.look(for: later)
            return
        }
        guard !exchange.isHidden else { throw .late }
        exchange.search = ReplySearch(lookingFor: later)
    }

    /// What a host was sent, where any was sent something since then.
    func sent(to host: Host, since noted: inout UInt64) -> SecretSpellings? {
        guard noted != spellings.noted else { return nil }
        noted = spellings.noted
        return spellings.spellings(sentTo: host)
    }

    private mutating func received(_ message: HTTPMessage, in exchange: Relaying) -> Actions {
        switch message {
        case .responseHead(let head):
            return exchange.response == nil ? receivedHead(head, in: exchange) : close()
        case .body(let bytes):
            guard let response = exchange.response, response.hasBody,
                exchange.responseBody.take(bytes.readableBytes)
            else { return close() }
            guard exchange.search != nil else {
                return [.forward(message, to: .client, under: exchange.id)]
            }
            return searched(bytes, in: exchange)
        case .end(let trailers):
            guard let response = exchange.response, exchange.responseBody.isComplete || !response.hasBody
            else {
                return close()
            }
            return complete(exchange, response, trailers)
        case .unreadable(.fieldsTooLarge):
            return upstreamFailed(exchange, "the upstream's header fields are over the limit")
        case .unreadable(.malformed(let words)):
            return upstreamFailed(exchange, "the upstream's response is not HTTP/1.1: \(words)")
        case .requestHead:
            return close()
        }
    }

    private mutating func receivedHead(_ head: HTTPResponseHead, in exchange: Relaying) -> Actions {
        switch head.status.code {
        case 101:
            return receivedSwitch(head, in: exchange)
        case 100..<200:
            // Expect was answered by us; hints are of no use to a client that waits for a ruling anyway.
            exchange.interimResponses += 1
            guard exchange.interimResponses <= HTTPLimits.interimResponses else {
                return upstreamFailed(exchange, "the upstream sent too many interim responses")
            }
            return []
        case 200..<600:
            return receivedFinalHead(head, in: exchange)
        default:
            return upstreamFailed(exchange, "the upstream's status is not between 100 and 599")
        }
    }

    private mutating func receivedFinalHead(_ head: HTTPResponseHead, in exchange: Relaying) -> Actions {
        var isDecoded = false
        do {
            let hasBody = CheckedResponse.hasBody(head, to: exchange.checked)
            isDecoded = try exchange.search?.begin(head, hasBody: hasBody) ?? false
            exchange.isHidden = exchange.search == nil && ReplySearch.isHidden(head)
        } catch {
            return upstreamFailed(exchange, error)
        }
        do {
            var response = try CheckedResponse(head, to: exchange.checked, isDecoded: isDecoded)
            let isMasked = exchange.search?.mask(&response.head.headers) ?? false
            exchange.response = response
            exchange.responseBody = BodyCount(response.framing)
            let note: Actions = isMasked ? [.masked(exchange.id, .credential(.header))] : []
            return note + [.forward(.responseHead(response.head), to: .client, under: exchange.id)]
        } catch {
            return upstreamFailed(exchange, "the upstream's response is ambiguous: \(error.denial.message)")
        }
    }

    /// Some of the body of a reply that is looked through for the credential.
    private mutating func searched(_ bytes: ByteBuffer, in exchange: Relaying) -> Actions {
        exchange.search?.take(bytes)
        return searchReply(exchange)
    }

    private mutating func searchReply(_ exchange: Relaying) -> Actions {
        do {
            let pieces = try exchange.search?.searchOn(within: &room) ?? []
            let note = exchange.takeNote()
            return note + pieces.map { .forward(.body($0), to: .client, under: exchange.id) }
        } catch {
            return upstreamFailed(exchange, error)
        }
    }

    /// Looks on through what has come of a reply, and reads what came behind it.
    mutating func searchReplyOn(_ exchange: Relaying) -> Actions {
        do { try renew(exchange) } catch { return upstreamFailed(exchange, error) }
        var actions = searchReply(exchange)
        while isUnderWay(exchange), exchange.isReplySearched, let message = exchange.late.removeFirst() {
            actions += receivedFromUpstream(message)
        }
        guard exchange.hasLateEnd, isUnderWay(exchange), exchange.isReplySearched else { return actions }
        return actions + ended(.upstream)
    }

    private func isUnderWay(_ exchange: Relaying) -> Bool {
        if case .relaying(let current) = state { current === exchange } else { false }
    }

    private mutating func complete(
        _ exchange: Relaying,
        _ response: CheckedResponse,
        _ trailers: HTTPHeaders?
    ) -> Actions {
        var actions: Actions = []
        do {
            let rest = response.hasBody ? try exchange.search?.end() : nil
            actions += exchange.takeNote() + exchange.takeCounts()
            if let rest, rest.readableBytes > 0 {
                actions.append(.forward(.body(rest), to: .client, under: exchange.id))
            }
        } catch {
            return upstreamFailed(exchange, error)
        }
        var passed: HTTPHeaders?
        if let trailers, response.takesTrailers(for: exchange.checked) {
            passed = try? Fields.passedOnTrailers(trailers, from: .response)
            if var found = passed, exchange.search?.mask(&found) == true {
                passed = found
                actions.append(.masked(exchange.id, .credential(.trailer)))
            }
        }
        actions += [
            .forward(.end(passed), to: .client, under: exchange.id), .finished(exchange.id),
        ]
        guard exchange.requestEnded else {
            // The answer came early: the rest of the body has nowhere to go. Some clients wait for it to be taken all the
            // same where no connection would have to end for it.
            let budget = reader.connection.isStream ? Int.max : HTTPLimits.drained
            state = .draining(Draining(closes: true, budget: budget))
            return actions
        }
        guard !response.closes else { return actions + close() }
        state = .idle
        return actions
    }

    /// The upstream broke the exchange off: 502 while nothing was sent to the client, a cut connection after.
    mutating func upstreamFailed(_ exchange: Relaying, _ message: String) -> Actions {
        let endpoint = exchange.checked.request.endpoint
        return upstreamFailed(exchange, message, remedy: "Try again, or ask the operator of \(endpoint).")
    }

    /// The reply cannot be searched as the ruling demands.
    private mutating func upstreamFailed(_ exchange: Relaying, _ fault: SearchFault) -> Actions {
        guard let remedy = fault.remedy else {
            return upstreamFailed(exchange, "the upstream's response \(fault)")
        }
        return upstreamFailed(exchange, "the upstream's response \(fault)", remedy: remedy)
    }

    private mutating func upstreamFailed(_ exchange: Relaying, _ message: String, remedy: String) -> Actions {
        let notes = exchange.takeCounts()
        let denial = Denial(
            reason: .upstreamFailed,
            message: message,
            rule: nil,
            decidedBy: nil,
            remedy: remedy
        )
        let record = EngineAction<HTTPMessage>.refused(exchange.id, exchange.checked.request, denial)
        guard exchange.response == nil else { return notes + [record] + close() }
        return notes + [record] + reply(.badGateway, denial, exchange.checked.manner, closing: true)
            + close()
    }
}
