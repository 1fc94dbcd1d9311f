internal import Crypto
internal import Model
internal import Synchronization

/// A recorded body, piece by piece; its last piece only where all of it is as its record says.
final class RecordedOctets: OctetSource {
    private struct State {
        var file: PrivateFile?
        /// Where the next block begins.
        var next: UInt64
        /// What is left of the block that is being read.
        var block: Range<UInt64> = 0..<0
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
    private let state: Mutex<State>

    /// Nil for no body.
    init(_ body: RecordedBody?, of exchange: UInt64, run: String, in reader: BodyReader) {
        self.body = body
        self.exchange = exchange
        self.run = run
        self.reader = reader
        state = Mutex(State(next: body?.place.lowerBound ?? 0))
    }

    func next() throws(UnansweredRequest) -> [UInt8]? {
        guard let body else { return nil }
        return try state.withLock { state throws(UnansweredRequest) in try next(body, &state) }
    }

    private func next(_ body: RecordedBody, _ state: inout State) throws(UnansweredRequest) -> [UInt8]? {
        guard !state.isOver else { return nil }
        if !state.hasBegun {
            state.hasBegun = true
            if !body.place.isEmpty { state.file = try open() }
            state.held = try read(body, &state)
        }
        let piece = state.held
        state.held = piece == nil ? nil : try read(body, &state)
        guard state.held == nil else { return piece }
        state.isOver = true
        state.file = nil
        guard state.octets == body.octets, state.digest.finalize().hex == body.digest else {
            throw Self.changed("it is not the \(body.octets) octets that were recorded")
        }
        return piece
    }

    private func open() throws(UnansweredRequest) -> PrivateFile {
        do {
            if let file = try reader.open(run) { return file }
        } catch {
            throw Self.changed("\(error)")
        }
        throw Self.changed("the recordings of run \(run) are gone")
    }

    /// The next octets of this body, in whatever block they are; nil where there are no more.
    private func read(_ body: RecordedBody, _ state: inout State) throws(UnansweredRequest) -> [UInt8]? {
        guard let file = state.file else { return nil }
        while state.block.isEmpty {
            guard state.next < body.place.upperBound else { return nil }
            guard let block = RecordedBlock(file.read(RecordedBlock.header, at: state.next)) else {
                throw Self.changed("\(file.path) is cut, or was changed")
            }
            let start = state.next + UInt64(RecordedBlock.header)
            state.next = start + UInt64(block.length)
            if block.exchange == exchange, block.side == body.side { state.block = start..<state.next }
        }
        let count = min(state.block.count, AuditLimits.answeredPiece)
        let octets = file.read(count, at: state.block.lowerBound)
        guard octets.count == count else { throw Self.changed("\(file.path) is cut, or was changed") }
        state.block = (state.block.lowerBound + UInt64(count))..<state.block.upperBound
        state.digest.update(data: octets)
        state.octets += UInt64(count)
        return octets
    }

    private static func changed(_ why: String) -> UnansweredRequest {
        UnansweredRequest(
            "the recorded body of the reply cannot be served: \(why)",
            told: "the recorded body of the reply is not as it was recorded"
        )
    }
}
