internal import Masking

/// What leaves the machine elsewhere than in a record, masked as records are.
extension AuditStore {
    /// Without the secrets that are known, and what is shaped like one.
    package func masked(_ text: String) -> String { secretMask.longText(text) }

    /// The same of a text with ends that were cut off before a mark, `…`.
    package func masked(cut text: String) -> String { secretMask.cutText(text) }

    /// The same of a command's arguments.
    package func masked(arguments: [String]) -> [String] { secretMask.arguments(arguments) }
}
