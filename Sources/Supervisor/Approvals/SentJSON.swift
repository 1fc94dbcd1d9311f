internal import Audit
internal import Foundation

/// JSON as it leaves the machine: keys in order, and no character that steers a terminal.
package enum SentJSON {
    /// Throws what Foundation does where a value cannot be written, as a number that is none.
    package static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return TerminalText.escapedJSON(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}
