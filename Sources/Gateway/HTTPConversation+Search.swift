internal import HTTPProtocol
internal import NIOCore
internal import Wire

// Bodies that stand for more octets than they have are looked through in turns with others of the loop.
extension HTTPConversation {
    /// Whether the client takes more of a response.
    var clientTakesMore: Bool { isClientWritable && exchange?.note.recording?.hasRoom ?? true }

    /// Whether more of a response can be taken from the upstream.
    var clientIsWritable: Bool { clientTakesMore && !engine.isSearchingReply }

    /// Does what the engine says to something, within what is left of the loop's turn.
    func advance(_ step: (inout HTTPEngine) -> [EngineAction<HTTPMessage>]) {
        guard let context else { return }
        engine.room = turns.room
        let actions = step(&engine)
        turns.use(downTo: engine.room, on: context.eventLoop)
        perform(actions)
        searchLater()
    }

    /// Goes on in a later turn, where more is to be looked through and the client takes it.
    func searchLater() {
        guard !waitsToSearch, !ending, let context, engine.isSearching(takingReply: clientTakesMore) else {
            return
        }
        waitsToSearch = true
        turns.wait(self, of: authoriser.resident.id, on: context.eventLoop)
    }

    /// Its turn has come.
    func searchOn() {
        waitsToSearch = false
        guard context != nil, !ending else { return }
        lastActivity = .now()
        let takesReply = clientTakesMore
        advance { $0.searchOn(takingReply: takesReply) }
        account()
        flush()
        resumeReading()
        resumeReply()
    }

    /// Reads on in the response, if the client takes more of it.
    func resumeReply() {
        searchLater()
        link?.resumeReading()
    }
}
