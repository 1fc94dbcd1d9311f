package import Wire

// A few octets of a coded body may stand for very many: they are decoded and looked through in turns of the driver's loop, as
// `room` lets them.
extension HTTPEngine {
    /// What came last from the client is not looked through yet.
    var isSearchingRequest: Bool {
        switch state {
        case .gathering(let gathering): gathering.unsearched != nil
        case .relaying(let exchange): exchange.unsearched != nil
        default: false
        }
    }

    /// What came last from the upstream is not looked through yet: the driver does not read on there.
    package var isSearchingReply: Bool {
        if case .relaying(let exchange) = state { !exchange.isReplySearched } else { false }
    }

    /// Whether something waits for room: the driver calls `searchOn` in a later turn.
    ///
    /// - Parameter takesReply: whether the client takes more of a reply; asked only where one waits.
    /// - Returns: whether there is anything to do then.
    package func isSearching(takingReply takesReply: @autoclosure () -> Bool) -> Bool {
        isSearchingRequest || isSearchingReply && takesReply()
    }

    /// Goes on with what waits for room.
    ///
    /// - Parameter takesReply: whether the client takes more of a reply.
    /// - Returns: what came of it.
    package mutating func searchOn(takingReply takesReply: Bool) -> [EngineAction<HTTPMessage>] {
        var actions: Actions = []
        switch state {
        case .gathering(let gathering): actions += searchGathered(gathering) + pump()
        case .relaying(let exchange): actions += searchRequest(exchange) + pump()
        default: break
        }
        if takesReply, case .relaying(let exchange) = state, !exchange.isReplySearched {
            actions += searchReplyOn(exchange) + pump()
        }
        return actions
    }
}
