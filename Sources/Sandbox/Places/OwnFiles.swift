internal import Linux
internal import Model
package import Policy

/// Files that decide what agents may do: Bailey's own, and those that the operator's word is read from.
package struct OwnFiles: Sendable {
    /// State, configuration, sockets: no agent is granted anything at, above or below.
    package var hidden: [String]
    /// Profiles, configuration, programs that fetch secrets: no agent may write there.
    package var trusted: [ProtectedPath]
    /// Files that hold a secret: they do not lie in what is granted, unless with a folder that is covered.
    package var secrets: [String]

    package init(hidden: [String], trusted: [ProtectedPath], secrets: [String]) {
        self.hidden = hidden
        self.trusted = trusted
        self.secrets = secrets
    }
}

/// The same, found on the machine as it is now.
struct OwnPlaces: Sendable {
    struct Entry: Sendable {
        /// As it is configured, for messages.
        var path: String
        var trail: PathTrail
        var isHidden: Bool
        var isSecret: Bool
        var isFolder: Bool
    }

    private(set) var entries: [Entry] = []
    /// Where the kernel and its devices show themselves: nothing is granted in them.
    private(set) var kernel: [Location] = []

    static let kernelPaths = ["/proc", "/sys", "/dev", "/run"]

    init(_ own: OwnFiles, in table: MountTable) throws(LaunchFailure) {
        for path in own.hidden { try add(path, isHidden: true, isFolder: true, table) }
        // What lies in a hidden folder is out of reach with it, where no link leads out of it.
        for file in own.trusted { try add(file.path, isFolder: file.isFolder, table) }
        for path in own.secrets { try add(path, isSecret: true, table) }
        // A profile may be a link of its own.
        for folder in own.trusted where folder.isFolder {
            for inner in [folder.path, folder.path + "/seccomp"] {
                for name in FolderListing.links(in: inner) {
                    try add("\(inner)/\(name)", table)
                }
            }
        }
        for path in Self.kernelPaths { kernel.append(try Self.trail(path, table).location) }
    }

    private mutating func add(
        _ path: String,
        isHidden: Bool = false,
        isSecret: Bool = false,
        isFolder: Bool = false,
        _ table: MountTable
    ) throws(LaunchFailure) {
        let trail = try Self.trail(path, table)
        let isFolder = trail.exists ? trail.isFolder : isFolder
        entries.append(
            Entry(path: path, trail: trail, isHidden: isHidden, isSecret: isSecret, isFolder: isFolder)
        )
    }

    private static func trail(_ path: String, _ table: MountTable) throws(LaunchFailure) -> PathTrail {
        do throws(SystemCallError) {
            return try PathTrail.of(path, in: table)
        } catch {
            throw LaunchFailure(
                error,
                remedy:
                    "Where Bailey's own files lie is not known, so that none could be kept from agents: mend this path,"
                    + " or name another with XDG_STATE_HOME, XDG_CONFIG_HOME, --profiles or --config."
            )
        }
    }
}
