internal import Model

/// What a user's front-end and a supervisor must have in common for one to launch as the other would.
package struct LaunchOrigin: Sendable, Hashable {
    /// Of the program: two versions may understand the same words differently.
    package var version: String
    package var state: String
    package var configuration: String
    package var home: String

    package init(version: String, state: String, configuration: String, home: String) {
        self.version = version
        self.state = state
        self.configuration = configuration
        self.home = home
    }

    /// Two spellings of an accent are two folders.
    package static func == (left: LaunchOrigin, right: LaunchOrigin) -> Bool {
        left.texts.elementsEqual(right.texts) { $0.isSame(as: $1) }
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(texts.map { ByteText($0) }) }

    private var texts: [String] { [version, state, configuration, home] }
}
