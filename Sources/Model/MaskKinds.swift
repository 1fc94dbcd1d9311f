/// A set of kinds in one number: asked for at every number of a text, and united at every decision.
package struct MaskKinds: Sendable, Hashable {
    private var bits: UInt32 = 0

    package static let all = MaskKinds(MaskKind.allCases)

    package init(_ kinds: some Sequence<MaskKind>) {
        for kind in kinds { bits |= Self.bit(kind) }
    }

    package var isEmpty: Bool { bits == 0 }

    @inline(__always)
    package func contains(_ kind: MaskKind) -> Bool { bits & Self.bit(kind) != 0 }

    /// Whether one of them is in the set.
    package func holdsAny(_ others: MaskKinds) -> Bool { bits & others.bits != 0 }

    package func isSubset(of others: MaskKinds) -> Bool { bits & ~others.bits == 0 }

    package mutating func formUnion(_ others: MaskKinds) { bits |= others.bits }

    package mutating func formIntersection(_ others: MaskKinds) { bits &= others.bits }

    package func subtracting(_ others: MaskKinds) -> MaskKinds {
        var rest = self
        rest.bits &= ~others.bits
        return rest
    }

    /// As profiles and records list them.
    package var words: [String] { MaskKind.allCases.filter(contains).sorted().map(\.rawValue) }

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

extension MaskKinds: ExpressibleByArrayLiteral {
    package init(arrayLiteral kinds: MaskKind...) { self.init(kinds) }
}
