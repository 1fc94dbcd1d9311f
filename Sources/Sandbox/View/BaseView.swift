internal import Model

/// The system as every agent sees it, read-only: an allow-list.
///
/// What is not listed is not there; the launcher replaces `passwd`, `group`, `hosts`, `nsswitch.conf` and
/// `resolv.conf` by files of its own. Left out on purpose, though programs look for them: `ssl/private`, `shadow`
/// and `ssh` (keys); `curlrc`, `wgetrc`, `npmrc`, `pip.conf`, `environment`, `krb5.conf`, `maven/settings.xml` and
/// `odbc.ini` (may hold passwords or name internal hosts); `machine-id`, `fstab` (the host's identity); `mtab` (a
/// link into the host's procfs). A profile that needs one reads it by name.
package enum BaseView {
    package static let entries: [ViewEntry] = programs + libraries + network + trust + languages + interactive

    /// Folders of the root; those that are links on the host are made again as links.
    static var folders: [String] { entries.filter { $0.kind == .linkOrBind }.map(\.path) }

    /// Paths of /etc that are bound when they are there, with patterns replaced by what they match.
    static var settings: [String] {
        let names = FolderListing.names(in: "/etc")
        return entries.filter { $0.kind == .bindIfPresent }.flatMap { $0.matches(among: names) }
    }
}

/// One path of the system view, and why it is in it.
package struct ViewEntry: Sendable, Hashable {
    /// How the path comes into the view.
    package enum Kind: String, Sendable {
        /// A link when it is one on the host, else bound.
        case linkOrBind
        /// Bound where the host has it, left out where not.
        case bindIfPresent
    }

    /// Absolute; a `*` at the end stands for any rest of that name.
    package let path: String
    package let kind: Kind
    package let reason: String

    /// The path, or the paths that its pattern matches among the names in /etc.
    package func matches(among names: [String]) -> [String] {
        guard path.ends(with: "*") else { return [path] }
        return names.map { "/etc/" + $0 }.filter { $0.begins(with: path.dropLast(bytes: 1)) }.sorted()
    }

    /// A folder of the root.
    static func root(_ path: String, _ reason: String) -> Self {
        Self(path: path, kind: .linkOrBind, reason: reason)
    }

    /// A path below /etc.
    static func etc(_ name: String, _ reason: String) -> Self {
        Self(path: "/etc/" + name, kind: .bindIfPresent, reason: reason)
    }
}
