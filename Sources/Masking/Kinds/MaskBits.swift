internal import Model

/// A set of kinds, asked for at every number of a text.
struct MaskBits: Sendable {
    private var bits: UInt32 = 0

    init(_ kinds: Set<MaskKind>) {
        for kind in kinds { bits |= Self.bit(kind) }
    }

    @inline(__always)
    func contains(_ kind: MaskKind) -> Bool { bits & Self.bit(kind) != 0 }

    /// Whether one of them is in the set.
    func holdsAny(_ kinds: MaskBits) -> Bool { bits & kinds.bits != 0 }

    @inline(__always)
    private static func bit(_ kind: MaskKind) -> UInt32 {
        switch kind {
        case .email: 1
        case .paymentCard: 1 << 1
        case .iban: 1 << 2
        case .phone: 1 << 3
        case .usSSN: 1 << 4
        case .ukNINO: 1 << 5
        case .deTaxID: 1 << 6
        case .frNIR: 1 << 7
        case .esDNI: 1 << 8
        case .itCodiceFiscale: 1 << 9
        case .plPESEL: 1 << 10
        case .privateKey: 1 << 11
        case .token: 1 << 12
        }
    }
}
