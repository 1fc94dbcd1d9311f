internal import Model

/// One name in a folder: bytes, which need be no text.
package struct EntryName: Sendable, Hashable {
    /// NAME_MAX of Linux (limits.h).
    static let maximumLength = 255

    package let bytes: [UInt8]

    /// Nil for what names nothing in a folder, or leads out of it.
    init?(_ bytes: [UInt8]) {
        let isName = (1...Self.maximumLength).contains(bytes.count) && !bytes.contains(UInt8(ascii: "/"))
        let leadsUp = bytes.allSatisfy { $0 == UInt8(ascii: ".") } && bytes.count <= 2
        guard isName, !bytes.contains(0), !leadsUp else { return nil }
        self.bytes = bytes
    }

    var characters: [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }

    func precedes(_ other: EntryName) -> Bool { bytes.lexicographicallyPrecedes(other.bytes) }
}

/// A path below a copied folder, name by name; without any, the folder itself.
package struct EntryPath: Sendable, Hashable {
    package var names: [EntryName] = []

    package init() {}

    /// Nil when a part of it is `.`, `..` or too long.
    package init?(_ text: some StringProtocol) {
        for part in text.utf8.split(separator: UInt8(ascii: "/")) {
            guard let name = EntryName(Array(part)) else { return nil }
            names.append(name)
        }
    }

    private init(names: [EntryName]) { self.names = names }

    package var bytes: [UInt8] {
        names.isEmpty ? [UInt8(ascii: ".")] : Array(names.map(\.bytes).joined(separator: [UInt8(ascii: "/")]))
    }

    /// The path as text; nil when it is none.
    package var text: String? { String(validating: bytes, as: UTF8.self) }

    /// The path as text, with what is none replaced.
    package var repairedText: String { String(decoding: bytes, as: UTF8.self) }

    package var parent: EntryPath { EntryPath(names: Array(names.dropLast())) }

    package func isWithin(_ folder: EntryPath) -> Bool { names.starts(with: folder.names) }

    func appending(_ name: EntryName) -> EntryPath { EntryPath(names: names + [name]) }
}
