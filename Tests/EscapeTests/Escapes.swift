import Foundation
import TestSupport
import Testing

/// Attacks that an agent makes on its enclosure, each with a control that succeeds without one.
@Suite("Escapes", .serialized)
struct Escapes {}

/// A source file of the folder Attackers.
func attacker(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Attackers/\(name).c")
        .path(percentEncoded: false)
}

/// A text with each byte one higher: how it is named to a program that must not hold it.
func shifted(_ text: String) -> String {
    String(decoding: text.utf8.map { $0 + 1 }, as: UTF8.self)
}
