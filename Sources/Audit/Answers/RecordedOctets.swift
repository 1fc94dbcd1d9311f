internal import Crypto
internal import Model
internal import Synchronization

/// A recorded body, piece by piece; its last piece only where all of it is as its record says.
final class RecordedOctets: OctetSource {
    private struct State {
        var blocks: BlockWalk?
        /// What is left of the block that was read last.
        var block: ArraySlice<UInt8> = []
        var digest = SHA256()
        var octets: UInt64 = 0
        var held: [UInt8]?
        var hasBegun = false
        var isOver = false
    }

    private let body: RecordedBody?
    private let exchange: UInt64
    private let run: String
    private let reader: BodyReader
    private let state = Mutex(State())

    /// Nil for no body.
    init(_ body: RecordedBody?, of exchange: UInt64, run: String, in reader: BodyReader) {
        self.body = body
        self.exchange = exchange
        self.run = run
        self.reader = reader
    }

    func next() throws(UnansweredRequest) -> [UInt8]? {
        guard let body else { return nil }
        return try state.withLock { state throws(UnansweredRequest) in try next(body, &state) }
    }

    private func next(_ body: RecordedBody, _ state: inout State) throws(UnansweredRequest) -> [UInt8]? {
        guard !state.isOver else { return nil }
        if !state.hasBegun {
            state.hasBegun = true
            if !body.place.isEmpty { state.blocks = try open(body) }
            state.held = try read(&state)
        }
        let piece = state.held
        state.held = piece == nil ? nil : try read(&state)
        guard state.held == nil else { return piece }
        state.isOver = true
        state.blocks = nil
        guard state.octets == body.octets, state.digest.finalize().hex == body.digest else {
            throw Self.changed("it is not the \(body.octets) octets that were recorded")
        }
        return piece
    }

    private func open(_ body: RecordedBody) throws(UnansweredRequest) -> BlockWalk {
        do {
            return try reader.blocks(
                of: BodyPlace(run: run, exchange: exchange, side: body.side),
                in: body.place
            )
        } catch {
            throw Self.changed("\(error)")
        }
    }

    /// The next octets of this body, in whatever block they are; nil where there are no more.
    private func read(_ state: inout State) throws(UnansweredRequest) -> [UInt8]? {
        while state.block.isEmpty {
            guard let block = try block(&state) else { return nil }
            state.block = block[...]
        }
        let octets = Array(state.block.prefix(AuditLimits.answeredPiece))
        state.block = state.block.dropFirst(octets.count)
        state.digest.update(data: octets)
        state.octets += UInt64(octets.count)
        return octets
    }

    private func block(_ state: inout State) throws(UnansweredRequest) -> [UInt8]? {
        do throws(BodyReader.Fault) {
            return try state.blocks?.next()
        } catch {
            guard error.isOfKey else { throw Self.changed(error.description) }
            throw UnansweredRequest(
                "the recorded body of the reply cannot be served: \(error)",
                told: "the recorded body of the reply does not open"
            )
        }
    }

    private static func changed(_ why: String) -> UnansweredRequest {
        UnansweredRequest(
            "the recorded body of the reply cannot be served: \(why)",
            told: "the recorded body of the reply is not as it was recorded"
        )
    }
}
