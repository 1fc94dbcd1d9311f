internal import Model

/// One stretch of one body in the file of its run: a header of 24 octets, all numbers big endian, and the octets.
///
/// ```
///   "BBLK"  length (4)  exchange (8)  side (1: 0 request, 1 response)  zeros (7)
/// ```
struct RecordedBlock: Hashable {
    let exchange: UInt64
    let side: BodySide
    let length: Int

    static let header = 24
    private static let magic = Array("BBLK".utf8)

    /// The next stretch that fits into a block; nil when nothing is left.
    static func next(of octets: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard !octets.isEmpty else { return nil }
        defer { octets = octets.dropFirst(AuditLimits.recordedBlock) }
        return octets.prefix(AuditLimits.recordedBlock)
    }

    static func octets(_ piece: ArraySlice<UInt8>, of body: BodyPlace) -> [UInt8] {
        var block = magic
        block.reserveCapacity(header + piece.count)
        block += bigEndian(UInt64(piece.count), 4) + bigEndian(body.exchange, 8)
        block += [body.side == .request ? 0 : 1] + [UInt8](repeating: 0, count: 7)
        block += piece
        return block
    }

    /// Nil for what is no header.
    init?(_ header: [UInt8]) {
        guard header.count == Self.header, header.prefix(4).elementsEqual(Self.magic), header[16] <= 1,
            header[17...].allSatisfy({ $0 == 0 })
        else { return nil }
        length = Int(Self.number(header[4..<8]))
        exchange = Self.number(header[8..<16])
        side = header[16] == 0 ? .request : .response
        guard length <= AuditLimits.recordedBlock else { return nil }
    }

    private static func bigEndian(_ number: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * (count - 1 - $0))) }
    }

    private static func number(_ octets: ArraySlice<UInt8>) -> UInt64 {
        octets.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
