internal import Glibc
internal import Linux
internal import Model

/// Bailey's own two programs, as an agent sees them.
enum BaileyPrograms {
    /// Path inside and path outside; refused when the helper cannot be found.
    static func located() throws(LaunchFailure) -> [(String, String)] {
        let own = try executable()
        let folder = Self.folder(of: own)
        let candidates = [folder + "/bailey-init", folder + "/../libexec/bailey/bailey-init"]
        guard let helper = candidates.first(where: { unsafe access($0, X_OK) == 0 }) else {
            throw LaunchFailure(
                step: "find bailey-init",
                object: candidates.joined(separator: ", "),
                errno: ENOENT,
                remedy: "It is installed beside bailey or in ../libexec/bailey: run 'make install' again."
            )
        }
        return [("/.bailey/bin/bailey", own), ("/.bailey/bin/init", helper)]
    }

    /// Where this program lies; nil when that cannot be known.
    static var folder: String? { (try? executable()).map(folder) }

    private static func folder(of program: String) -> String {
        program.cut(at: "/").dropLast().reduce("") { $0 + "/" + $1 }
    }

    private static func executable() throws(LaunchFailure) -> String {
        guard let path = PathText.target(of: "/proc/self/exe") else {
            throw LaunchFailure(
                step: "readlink",
                object: "/proc/self/exe",
                errno: errno,
                remedy: "Bailey needs /proc to find its own files."
            )
        }
        return path
    }
}
