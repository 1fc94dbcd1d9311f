internal import Model

/// Settings by which the server reads texts and writes names: `standard_conforming_strings`, `client_encoding`.
extension PostgresSession {
    /// What goes to the server now may change them, for its transaction at least.
    mutating func unsettle() {
        isUnsettled = true
        mayRevert = true
    }

    /// Nothing is under way, and the server has said what it set.
    mutating func settle() {
        isUnsettled = false
        guard status == .idle else { return }
        mayRevert = false
        portals = [:]
        transaction = Masks()
    }

    /// Whether names in the answer to a message are in UTF-8.
    func namesAreUTF8(_ head: Expected) -> Bool { !head.isUnsettled && syntax.encoding.isSame(as: "UTF8") }
}
