internal import Glibc
package import Linux
internal import Model
package import Policy

/// What a profile copies, as far as the host may have a say in it.
package enum CopiedFolders {
    /// Folders that one profile copies: each costs four of the 256 sources of a plan, with what is kept in it.
    private static let maximum = 32

    /// The folders of which an agent gets a copy.
    package static func paths(of files: FileRules, home: String) -> [String] {
        files.copy.isEmpty ? [] : Grant.all(of: files, home: home).filter(\.isCopy).map(\.path)
    }

    /// Refuses what no copy is made of: a file, and a folder that something is mounted in, since overlayfs would show
    /// what is beneath it.
    package static func check(_ paths: [String]) throws(LaunchFailure) {
        guard !paths.isEmpty else { return }
        guard paths.count <= maximum else {
            throw refusal("\(paths.count) folders", 0, "A profile copies \(maximum) folders at most.")
        }
        guard let mounts = MountTable.read() else {
            throw refusal("/proc/self/mountinfo", EIO, "What is mounted cannot be read: is /proc mounted?")
        }
        for path in paths {
            var status = stat()
            guard unsafe lstat(path, &status) == 0 else {
                throw refusal(
                    path,
                    errno,
                    "The profile names a folder that is not there: make it, or take it out."
                )
            }
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw refusal(
                    path,
                    ENOTDIR,
                    "files.copy takes folders, by their own names and not by a link's."
                )
            }
            if let inner = mounts.beneath(Location.names(path.utf8)).first?.path {
                throw refusal(
                    path,
                    0,
                    "Something is mounted in it, at \(inner), which a copy cannot hold: copy folders beside it instead."
                )
            }
        }
    }

    private static func refusal(_ object: String, _ code: Int32, _ remedy: String) -> LaunchFailure {
        LaunchFailure(step: "copy a folder", object: object, errno: code, remedy: remedy)
    }
}
