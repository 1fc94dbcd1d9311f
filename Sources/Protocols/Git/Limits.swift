/// Sizes of git's pkt-lines (gitprotocol-common, "pkt-line Format"); that of a list is `GitPush.maximumList`.
enum GitLimits {
    /// Octets of one line with its length in front.
    static let line = 65_520
    /// Octets of that length.
    static let prefix = 4
    /// Octets of a text that a client shows; a refusal has some hundreds, and what it quotes is bounded.
    static let text = 8_192
}
