internal import Model
internal import Synchronization

/// What was parsed lately, by the very text: a tool host launches thousands of agents under a few profiles.
///
/// Files are read at each launch all the same, so a change counts from the next one on.
package final class ProfileMemory: Sendable {
    /// What a parsed profile depends on, and nothing else.
    struct Source: Sendable, Hashable {
        let file: ByteText
        let text: ByteText
        let variables: ProfileVariables

        init(file: String, text: String, variables: ProfileVariables) {
            self.file = ByteText(file)
            self.text = ByteText(text)
            self.variables = variables
        }
    }

    /// Profiles kept.
    private static let capacity = 64
    /// Bytes of a text that is kept: profiles have a few KiB, and some 30 bytes are kept for each of them.
    private static let maximumText = 16 << 10

    private let parsed = Mutex<[Source: ParsedProfile]>([:])

    package init() {}

    /// The profile of a text; nil when it was not parsed lately.
    subscript(source: Source) -> ParsedProfile? {
        get { parsed.withLock { $0[source] } }
        set {
            guard source.text.text.utf8.count <= Self.maximumText else { return }
            parsed.withLock { parsed in
                if parsed.count >= Self.capacity { parsed = [:] }
                parsed[source] = newValue
            }
        }
    }
}
