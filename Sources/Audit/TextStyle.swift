internal import Foundation
internal import Glibc
package import Model

/// How output for people looks: coloured on a terminal, plain elsewhere.
package struct TextStyle: Sendable {
    private let isColoured: Bool

    package init(isColoured: Bool) {
        self.isColoured = isColoured
    }

    /// Colours when standard output is a terminal that has them, unless `NO_COLOR` is set and not empty (no-color.org).
    package static var standardOutput: TextStyle {
        let environment = ProcessInfo.processInfo.environment
        let refused = environment["NO_COLOR"]?.isEmpty == false || environment["TERM"] == "dumb"
        return TextStyle(isColoured: !refused && isatty(STDOUT_FILENO) == 1)
    }

    func verdict(_ word: String, shownAs shown: String? = nil, width: Int = 0) -> String {
        let padded = (shown ?? word).padding(width)
        switch word {
        case Effect.allow.rawValue: return coloured(padded, "32")
        case Effect.ask.rawValue: return coloured(padded, "33")
        case Effect.deny.rawValue, "refused", RequestCount.failure: return coloured(padded, "31")
        default: return padded
        }
    }

    func strong(_ text: String) -> String { coloured(text, "1") }

    func faint(_ text: String) -> String { coloured(text, "2") }

    /// ECMA-48 section 8.3.117 (SGR).
    private func coloured(_ text: String, _ code: String) -> String {
        isColoured ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
    }
}

extension String {
    /// With spaces behind it up to so many characters.
    func padding(_ width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}

extension Timestamp: Codable {
    private static let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let date = try Self.style.parse(container.decode(String.self))
        guard let milliseconds = Int64(exactly: (date.timeIntervalSince1970 * 1_000).rounded()) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no moment of ours")
        }
        self.init(milliseconds: milliseconds)
    }

    /// As everywhere: `text`.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

extension [String] {
    /// A command line for people, and for a shell.
    package var commandText: String { map(TerminalText.quoted).joined(separator: " ") }
}
