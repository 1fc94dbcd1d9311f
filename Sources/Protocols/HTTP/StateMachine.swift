import Model
import NIOCore
import NIOHTTP1
package import Reflection
package import Wire

/// HTTP/1.1 between one client connection and one upstream at a time (RFC 9112).
///
/// See `HTTPState` for its diagram.
///
/// It decides nothing: it reads each request once, asks, and forwards what it asked about, re-serialised. On the
/// proxy port each request may be for another endpoint: the driver dials the endpoint of the request under whose
/// ruling it forwards.
package struct HTTPEngine: ProtocolEngine, ~Copyable {
    package typealias Message = HTTPMessage
    typealias Actions = [EngineAction<HTTPMessage>]

    let reader: RequestReader
    let spellings: SpellingsCache
    var state = HTTPState.idle
    var held = HeldMessages()
    /// Octets that may still be decoded and looked through in this turn of the driver's loop: what of a coded body does not fit
    /// waits (`isSearching`).
    package var room = Int.max
    private var clientEnded = false
    private var lastID: UInt64 = 0

    /// An engine for one connection; `patterns` and `spellings` are made once and shared.
    package init(
        _ connection: HTTPConnection,
        watchingFor patterns: PlaceholderPatterns,
        masking spellings: SpellingsCache = SpellingsCache()
    ) {
        self.spellings = spellings
        reader = RequestReader(connection: connection, patterns: patterns)
    }

    package var wantsClientMessages: Bool {
        guard held.isEmpty || held.isOneEnd, !isSearchingRequest else { return false }
        return switch state {
        // While a response is under way too, so that the driver notices a client that goes away.
        case .idle, .draining, .relaying, .gathering, .webSocket: true
        // What comes is held.
        case .asking: true
        case .handedOver, .closed: false
        }
    }

    package mutating func received(_ message: HTTPMessage, from side: Side) -> [EngineAction<HTTPMessage>] {
        switch side {
        case .upstream:
            return receivedFromUpstream(message) + pump()
        case .client:
            guard !isOver else { return [] }
            guard held.append(message, joining: isSearchingRequest) else { return close() }
            return pump()
        }
    }

    package mutating func ruled(_ id: RulingID, _ ruling: Ruling) -> [EngineAction<HTTPMessage>] {
        guard !isOver else { return [] }
        guard case .asking(let asking) = state, asking.id == id else { return close() }
        switch ruling {
        case .allowed(let injection, let masks, let sending, let most):
            return allowed(asking, injection, masks, sending, atMost: most) + pump()
        case .denied(let denial):
            return refuse(asking.checked, Replies.status(for: denial.reason), denial, asking.gathered)
                + pump()
        case .read(let interest): return gather(interest, for: asking) + pump()
        }
    }

    package mutating func ended(_ side: Side) -> [EngineAction<HTTPMessage>] {
        switch (side, state) {
        case (_, .closed), (_, .handedOver): return []
        case (.client, _):
            clientEnded = true
            return pump()
        case (.upstream, .relaying(let exchange)):
            guard exchange.isReplySearched else {
                exchange.hasLateEnd = true
                return []
            }
            return upstreamFailed(
                exchange,
                "the upstream closed the connection before its response was complete"
            )
        case (.upstream, .webSocket(let exchange)): return over(exchange)
        case (.upstream, .idle), (.upstream, .asking), (.upstream, .gathering), (.upstream, .draining):
            return []
        }
    }

    private var isOver: Bool {
        switch state {
        case .handedOver, .closed: true
        case .idle, .asking, .gathering, .relaying, .draining, .webSocket: false
        }
    }

    /// Handles held client messages for as long as the state takes them.
    mutating func pump() -> Actions {
        var actions: Actions = []
        while takesClientMessages, let message = held.removeFirst() {
            actions += receivedFromClient(message)
        }
        guard clientEnded else { return actions }
        if case .gathering(let gathering) = state, gathering.unsearched == nil {
            return actions + gatheringEnded(gathering)
        }
        if case .webSocket(let exchange) = state { return actions + over(exchange) }
        if takesClientMessages { actions += close() }
        return actions
    }

    private var takesClientMessages: Bool {
        switch state {
        case .idle, .draining, .webSocket: true
        case .gathering(let gathering): gathering.unsearched == nil
        case .relaying(let exchange): !exchange.requestEnded && exchange.unsearched == nil
        case .asking, .handedOver, .closed: false
        }
    }

    mutating func freshID() -> RulingID {
        lastID += 1
        return RulingID(lastID)
    }

    /// Poisons the engine: nothing more is read from either side.
    mutating func close() -> Actions { abandoned() + [.close] }

    /// The connection is gone: what of an exchange under way is still to be said.
    package mutating func abandoned() -> [EngineAction<HTTPMessage>] {
        var notes: Actions = []
        if case .relaying(let exchange) = state { notes = exchange.takeCounts() }
        if case .webSocket(let exchange) = state { notes = exchange.notes }
        state = .closed
        held.removeAll()
        return notes
    }
}
