/// One difference between a copied folder and the host's.
package struct Change: Sendable, Hashable {
    package enum Kind: String, Sendable {
        case added
        case changed
        case deleted
        /// A file is a folder now, or a link, or the other way round.
        case type
        /// Permissions alone.
        case mode
    }

    package let path: EntryPath
    package let kind: Kind
    /// What the agent left; nil where it left nothing.
    package let now: Entry?
    /// What the host has.
    package let was: Entry?
    /// Why it is not applied.
    package var problems: [Problem] = []

    /// A reason to refuse a change.
    package struct Problem: Sendable, Hashable {
        package let text: String
        /// `--force` applies it all the same.
        package let yieldsToForce: Bool

        init(_ text: String, yieldsToForce: Bool = false) {
            (self.text, self.yieldsToForce) = (text, yieldsToForce)
        }
    }
}
