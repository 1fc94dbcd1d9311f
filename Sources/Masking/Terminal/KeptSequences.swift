/// The sequences that are kept of a terminal's output: those that change what is seen, by name; all others are not.
///
/// What changes what a terminal types (mouse, focus, keys, pasting), what it would answer, print or resize stays behind: it is
/// not seen, and whoever watches a recording types into a shell of their own. ECMA-48 section 8.3; xterm's ctlseqs for the rest.
enum KeptSequences {
    /// Behind ESC: DECSC, DECRC, IND, NEL, RI, RIS; character sets G0 and G1; sizes of lines, and DECALN.
    private static let escapes = Set(
        [
            "7", "8", "D", "E", "M", "c", "(0", "(A", "(B", ")0", ")A", ")B", "#3", "#4", "#5", "#6", "#8",
        ].map { Array($0.utf8) }
    )
    /// Behind CSI, without another mark: ICH, CUU to CPL, CHA, CUP, CHT, ED, EL, IL, DL, DCH, SU, SD, ECH, CBT, HPA, HPR, REP, VPA,
    /// VPR, HVP, SGR, DECSTBM, SCOSC, SCORC.
    private static let finals = Set("@ABCDEFGHIJKLMPSTXZ`abdefmrsu".utf8)
    /// Behind `CSI ?`: DECSED and DECSEL.
    private static let erasures = Set("JK".utf8)
    /// IRM.
    private static let modes: Set<UInt16> = [4]
    /// DECSCNM, DECOM, DECAWM, blinking, DECTCEM, the other screen in its four ways, and DECLRMM.
    private static let privateModes: Set<UInt16> = [5, 6, 7, 12, 25, 47, 69, 1_047, 1_048, 1_049]

    /// What is kept of a sequence that begins with ESC; nil for nothing.
    static func kept(_ sequence: [UInt8]) -> [UInt8]? {
        guard let control = ControlSequence(sequence) else {
            return escapes.contains(Array(sequence.dropFirst())) ? sequence : nil
        }
        guard control.isNumeric else { return nil }
        switch (control.mark, control.intermediate, control.final) {
        case (nil, nil, UInt8(ascii: "h")), (nil, nil, UInt8(ascii: "l")): return control.setting(modes)
        case (UInt8(ascii: "?"), nil, UInt8(ascii: "h")), (UInt8(ascii: "?"), nil, UInt8(ascii: "l")):
            return control.setting(privateModes)
        // Of several numbers it follows the mouse (xterm).
        case (nil, nil, UInt8(ascii: "T")) where control.parameters.contains(UInt8(ascii: ";")): return nil
        case (nil, nil, let final): return finals.contains(final) ? sequence : nil
        case (UInt8(ascii: "?"), nil, let final): return erasures.contains(final) ? sequence : nil
        // DECSCUSR and DECSTR.
        case (nil, UInt8(ascii: " "), UInt8(ascii: "q")), (nil, UInt8(ascii: "!"), UInt8(ascii: "p")):
            return sequence
        default: return nil
        }
    }
}

/// A control sequence in its parts: CSI, a private mark, parameters, an intermediate octet, the final one.
struct ControlSequence {
    let mark: UInt8?
    let parameters: ArraySlice<UInt8>
    let intermediate: UInt8?
    let final: UInt8

    /// Nil for what is none, or has several intermediate octets.
    init?(_ sequence: [UInt8]) {
        guard sequence.count >= 3, sequence[0] == 0x1B, sequence[1] == UInt8(ascii: "["),
            let final = sequence.last, (0x40...0x7E).contains(final)
        else { return nil }
        let inner = sequence[2..<sequence.count - 1]
        let numbers = inner.prefix { (0x30...0x3F).contains($0) }
        let rest = inner[numbers.endIndex...]
        guard rest.count < 2, rest.allSatisfy({ (0x20...0x2F).contains($0) }) else { return nil }
        let mark = numbers.first.flatMap { (0x3C...0x3F).contains($0) ? $0 : nil }
        (self.mark, self.final, intermediate) = (mark, final, rest.first)
        parameters = mark == nil ? numbers : numbers.dropFirst()
    }

    /// Digits, `:` and `;` alone.
    var isNumeric: Bool { parameters.allSatisfy { (0x30...0x3B).contains($0) } }

    /// What it sets or resets.
    var numbers: [UInt16] {
        parameters.split(separator: UInt8(ascii: ";"))
            .compactMap { UInt16(String(decoding: $0, as: UTF8.self)) }
    }

    /// The same for those of its modes that are on a list; nil for none.
    fileprivate func setting(_ modes: Set<UInt16>) -> [UInt8]? {
        let kept = numbers.filter(modes.contains).map { "\($0)" }
        guard !kept.isEmpty else { return nil }
        let numbers = Array(kept.joined(separator: ";").utf8)
        return [0x1B, UInt8(ascii: "[")] + (mark.map { [$0] } ?? []) + numbers + [final]
    }
}
