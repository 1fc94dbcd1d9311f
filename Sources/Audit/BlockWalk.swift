internal import Model

/// Walks the blocks in a stretch of a run's recordings, for those of one body.
struct BlockWalk {
    private let file: PrivateFile
    private let run: String
    private let exchange: UInt64
    private let side: BodySide
    private let keys: BodyKeys
    private var seal: BodySeal?
    /// Where the next block begins.
    private var place: UInt64
    /// Nil for as far as there is something.
    private let end: UInt64?
    /// As the first block that was read: what one version wrote is all of a run.
    private var isSealed: Bool?

    /// - Parameters:
    ///   - file: the run's recordings.
    ///   - body: which body.
    ///   - keys: what it opens with.
    ///   - stretch: where it lies; nil for all of the file, which may end in the middle of a block: that is being written, or its
    ///     supervisor was killed.
    init(_ file: PrivateFile, _ body: BodyPlace, _ keys: BodyKeys, in stretch: Range<UInt64>?) {
        (self.file, self.keys) = (file, keys)
        (run, exchange, side) = (body.run, body.exchange, body.side)
        (place, end) = (stretch?.lowerBound ?? 0, stretch?.upperBound)
    }

    /// What the body's next block holds; nil where there is none.
    ///
    /// Where no digest is on record the seals alone vouch: then each is opened, whoever's its block says that it is, and none may
    /// be of another kind than the first.
    mutating func next() throws(BodyReader.Fault) -> [UInt8]? {
        while end.map({ place < $0 }) ?? true {
            let head = file.read(RecordedBlock.header, at: place)
            guard let block = RecordedBlock(head) else {
                guard end == nil, head.count < RecordedBlock.header || hasZerosAlone(from: place) else {
                    throw changed
                }
                return nil
            }
            let start = place
            place += UInt64(block.opening + block.stored)
            let isWanted = block.exchange == exchange && block.side == side
            if end == nil { try requireSameKind(block) }
            guard isWanted || (end == nil && block.keyID != nil) else { continue }
            let stored = file.read(block.stored, at: start + UInt64(block.opening))
            guard stored.count == block.stored else {
                guard end == nil else { throw changed }
                return block.keyID == nil && !stored.isEmpty ? stored : nil
            }
            guard let keyID = block.keyID else { return stored }
            guard let octets = try open(stored, head, sealedWith: keyID, at: start) else { return nil }
            if isWanted { return octets }
        }
        return nil
    }

    /// Octets that a file system writes at once.
    private static let page: UInt64 = 4_096

    /// As a file system leaves what was not on its disk when the machine stopped: the length is there, the octets are not.
    private func hasZerosAlone(from start: UInt64) -> Bool {
        var place = start
        while true {
            let piece = file.read(AuditLimits.recordedBlock, at: place)
            guard !piece.isEmpty else { return true }
            guard piece.allSatisfy({ $0 == 0 }) else { return false }
            place += UInt64(piece.count)
        }
    }

    private mutating func requireSameKind(_ block: RecordedBlock) throws(BodyReader.Fault) {
        let isBlockSealed = block.keyID != nil
        guard isBlockSealed == isSealed ?? isBlockSealed else { throw changed }
        isSealed = isBlockSealed
    }

    /// Nil where a crash left the end of it.
    private mutating func open(
        _ stored: [UInt8],
        _ head: [UInt8],
        sealedWith keyID: [UInt8],
        at start: UInt64
    ) throws(BodyReader.Fault) -> [UInt8]? {
        let seal = try sealOfRun()
        if let octets = seal.open(stored, under: head, at: start) { return octets }
        // Its tag was not written, or not all of it where a page ends within.
        let last = max(place - UInt64(AuditLimits.sealTag), (place - 1) / Self.page * Self.page)
        if end == nil, hasZerosAlone(from: last) { return nil }
        // Where it opens as ours, the id alone was changed.
        let ours = head.dropLast(keyID.count) + seal.keyID
        guard keyID == seal.keyID || seal.open(stored, under: Array(ours), at: start) != nil else {
            throw keys.other(than: file.path)
        }
        throw changed
    }

    private mutating func sealOfRun() throws(BodyReader.Fault) -> BodySeal {
        if let seal { return seal }
        let derived = try keys.seal(of: run, file.path)
        seal = derived
        return derived
    }

    private var changed: BodyReader.Fault {
        BodyReader.Fault(description: "\(file.path) is cut, or was changed")
    }
}
