internal import Model

/// Where profiles are looked up by name: `--profiles DIR`, then `$XDG_CONFIG_HOME/bailey/profiles`, then the
/// shipped ones.
///
/// The shipped ones lie beside the program, in the first of these folders that exists: `profiles` beside the
/// executable, `../../share/bailey/profiles` (an installation), `../../../profiles` (a build folder of the checkout).
package struct ProfileSearch: Sendable, Hashable {
    /// In the order they are asked; the first that has the name wins.
    package let folders: [String]

    package init(folders: [String]) {
        self.folders = folders
    }

    /// The folders of an invocation.
    ///
    /// - Parameters:
    ///   - explicit: what `--profiles` said.
    ///   - configurationHome: `$XDG_CONFIG_HOME`; a relative one is ignored, as its specification asks.
    ///   - home: the home directory, for `~/.config`.
    package init(explicit: String?, configurationHome: String?, home: String?) {
        let configuration =
            configurationHome.flatMap { $0.begins(with: "/") ? $0 : nil } ?? home.map { "\($0)/.config" }
        folders = [explicit, configuration.map { "\($0)/bailey/profiles" }, Self.shipped].compactMap(\.self)
    }

    /// The folder of the shipped profiles; nil for a program that was moved away from them.
    package static var shipped: String? {
        guard let executable = TextFile.executablePath else { return nil }
        // The folder of the executable and those above it, nearest first.
        let parts = executable.cut(at: "/").dropLast()
        func above(_ levels: Int, _ rest: String) -> String {
            parts.dropLast(levels).reduce(into: "") { $0 += "/\($1)" } + "/" + rest
        }
        return [above(0, "profiles"), above(2, "share/bailey/profiles"), above(3, "profiles")]
            .first { TextFile.exists("\($0)/base.yaml") }
    }

    /// The file of a profile; nil when no folder has it.
    ///
    /// The first folder with an entry of that name decides, readable or not: a profile is never replaced by its
    /// namesake further down.
    package func file(of name: String) -> String? {
        guard ProfileName.isValid(name) else { return nil }
        return folders.map { "\($0)/\(name).yaml" }.first { TextFile.mayExist($0) }
    }

    /// The folders, for messages.
    var places: String { folders.isEmpty ? "no folder" : folders.joined(separator: ", ") }

    /// The names that could have been meant, sorted.
    package var names: [String] {
        let suffix = ".yaml"
        let files = folders.flatMap { TextFile.list($0) }
        return Set(
            files.filter { $0.ends(with: suffix) }.map { String($0.dropLast(bytes: suffix.utf8.count)) }
        )
        .filter { ProfileName.isValid($0) }.sorted()
    }
}
