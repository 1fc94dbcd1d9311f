/// What a recorded terminal showed, made safe to be shown again: what is on the list of `KeptSequences`, whatever wrote it.
package struct TerminalPlayback: Sendable {
    private var filter = TerminalFilter()

    package init() {}

    /// What is shown of it.
    package mutating func take(_ octets: [UInt8]) -> [UInt8] {
        var output = KeptOutput()
        filter.take(octets, into: &output)
        return output.octets
    }

    /// What puts a terminal back that was shown all that.
    package var restoring: [UInt8] { filter.modes.restoring }
}

/// What sequences have changed of a terminal that goes on when they end.
struct TerminalModes: Sendable {
    /// Private modes as they were set last.
    private var modes: [UInt16: Bool] = [:]
    private var hasMargins = false
    private var hasCursor = false

    /// Those that are on where nobody has changed them: DECAWM and DECTCEM.
    private static let usual: Set<UInt16> = [7, 25]
    /// The other screen.
    private static let screens: Set<UInt16> = [47, 1_047, 1_049]

    /// Finals of what changes something.
    private static let changing = Set("hlrq".utf8)

    mutating func note(_ kept: [UInt8]) {
        guard let final = kept.last, Self.changing.contains(final), let control = ControlSequence(kept) else {
            return
        }
        switch final {
        case UInt8(ascii: "h"), UInt8(ascii: "l"):
            guard control.mark != nil else { return }
            for mode in control.numbers { modes[mode] = final == UInt8(ascii: "h") }
        case UInt8(ascii: "r"): hasMargins = true
        case UInt8(ascii: "q"): hasCursor = true
        default: return
        }
    }

    /// The other screen last: leaving it brings the cursor back.
    var restoring: [UInt8] {
        var text = "\u{1b}[0m\u{f}\u{1b}(B\u{1b})B\u{1b}[4l"
        if hasMargins { text += "\u{1b}7\u{1b}[r\u{1b}8" }
        if hasCursor { text += "\u{1b}[0 q" }
        let changed = modes.filter { $0.value != Self.usual.contains($0.key) }.keys.sorted()
        for mode in changed where !Self.screens.contains(mode) {
            text += "\u{1b}[?\(mode)\(Self.usual.contains(mode) ? "h" : "l")"
        }
        for mode in changed where Self.screens.contains(mode) { text += "\u{1b}[?\(mode)l" }
        return Array(text.utf8)
    }
}
