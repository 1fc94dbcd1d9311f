internal import Model

/// One stretch of one body in the file of its run: a header, all numbers big endian, and the octets, sealed (`BodySeal`).
///
/// ```
///   "BBLS"  length (4)  exchange (8)  side (1: 0 request, 1 response)  zeros (7)  id of the key (8)
///   nonce (12)  ciphertext (length)  tag (16)
/// ```
///
/// Earlier versions wrote `BBLK`, a header without a key's id, and the octets in clear. A run is one supervisor's, so that its
/// file has one kind; where a digest vouches for them, both are read.
struct RecordedBlock: Hashable {
    let exchange: UInt64
    let side: BodySide
    let length: Int
    /// Nil for one in clear.
    let keyID: [UInt8]?

    /// Octets of the header.
    static let header = clearHeader + AuditLimits.sealKeyID
    private static let clearHeader = 24
    /// Octets that one has in the file beside those that it holds.
    static let overhead = header + AuditLimits.sealNonce + AuditLimits.sealTag
    private static let sealedMagic = Array("BBLS".utf8)
    private static let clearMagic = Array("BBLK".utf8)

    /// The next stretch that fits into a block; nil when nothing is left.
    static func next(of octets: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard !octets.isEmpty else { return nil }
        defer { octets = octets.dropFirst(AuditLimits.recordedBlock) }
        return octets.prefix(AuditLimits.recordedBlock)
    }

    /// The header of so many octets that a key seals.
    static func head(_ length: Int, of body: BodyPlace, keyID: [UInt8]) -> [UInt8] {
        sealedMagic + bigEndian(UInt64(length), 4) + bigEndian(body.exchange, 8)
            + [body.side == .request ? 0 : 1] + [UInt8](repeating: 0, count: 7) + keyID
    }

    /// Of what begins with its header; nil for what is none.
    init?(_ head: [UInt8]) {
        guard head.count >= Self.clearHeader, head[16] <= 1,
            head[17..<Self.clearHeader].allSatisfy({ $0 == 0 })
        else { return nil }
        if head.starts(with: Self.sealedMagic), head.count == Self.header {
            keyID = Array(head[Self.clearHeader...])
        } else if head.starts(with: Self.clearMagic) {
            keyID = nil
        } else {
            return nil
        }
        length = Int(Self.number(head[4..<8]))
        exchange = Self.number(head[8..<16])
        side = head[16] == 0 ? .request : .response
        guard length <= AuditLimits.recordedBlock else { return nil }
    }

    /// Octets of its header.
    var opening: Int { keyID == nil ? Self.clearHeader : Self.header }
    /// Octets behind it.
    var stored: Int { keyID == nil ? length : length + AuditLimits.sealNonce + AuditLimits.sealTag }

    private static func bigEndian(_ number: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * (count - 1 - $0))) }
    }

    private static func number(_ octets: ArraySlice<UInt8>) -> UInt64 {
        octets.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
