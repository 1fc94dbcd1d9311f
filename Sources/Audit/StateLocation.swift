internal import Model

/// Where the store is when nobody says otherwise.
package enum StateLocation {
    /// `$XDG_STATE_HOME/bailey`, or `~/.local/state/bailey` (XDG Base Directory Specification 0.8: a relative
    /// value is ignored).
    ///
    /// Nil without a home directory.
    package static func directory(environment: [String: String]) -> String? {
        if let state = environment["XDG_STATE_HOME"], state.begins(with: "/") { return state + "/bailey" }
        guard let home = environment["HOME"], home.begins(with: "/") else { return nil }
        return home + "/.local/state/bailey"
    }
}
