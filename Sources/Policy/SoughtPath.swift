package import Model

/// A protection at any depth: in every folder at or beneath another, as they are when an agent is launched.
///
/// Written `/base/**/name/inner`, with a slash at its end where it is a folder's.
package struct SoughtPath: Sendable, Hashable {
    /// Absolute, without a slash at its end.
    package var base: String
    /// One or more names; the first is what is looked for.
    package var names: [String]
    /// An empty folder stands in for it, not an empty file.
    package var isFolder: Bool

    package init(base: String, names: [String], isFolder: Bool) {
        self.base = base
        self.names = names
        self.isFolder = isFolder
    }

    /// As a profile has it.
    package var text: String {
        (base.isSame(as: "/") ? "" : base) + "/**/" + names.joined(separator: "/") + (isFolder ? "/" : "")
    }

    package static func == (left: SoughtPath, right: SoughtPath) -> Bool { left.text.isSame(as: right.text) }

    package func hash(into hasher: inout Hasher) { hasher.combine(ByteText(text)) }
}

/// What was found of that when an agent is launched; in no profile.
package struct FoundProtections: Sendable, Hashable {
    /// What is there.
    package var present: [ProtectedPath] = []
    /// What an agent could make in a folder that is there.
    package var absent: [ProtectedPath] = []

    package init() {}

    package var all: [ProtectedPath] { present + absent }

    /// Without what is protected anyway.
    package func subtracting(_ known: Set<ByteText>) -> FoundProtections {
        var rest = self
        rest.present.removeAll { known.contains(ByteText($0.path)) }
        rest.absent.removeAll { known.contains(ByteText($0.path)) }
        return rest
    }
}
