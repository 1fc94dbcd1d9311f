internal import Glibc
internal import Linux
internal import Model

/// Bailey's own programs, as an agent sees them.
enum BaileyPrograms {
    /// Path inside and path outside; refused when the helper cannot be found.
    static func located() throws(LaunchFailure) -> [(String, String)] {
        let own = try executable()
        guard let folder = folder(of: own) else { throw missing("bailey-init", "the folder of \(own)") }
        return [
            ("/.bailey/bin/bailey", try first("bailey", [folder + "/bailey", folder + "/../../bin/bailey"])),
            ("/.bailey/bin/bailey-core", own),
            ("/.bailey/bin/init", try first("bailey-init", [folder + "/bailey-init"])),
        ]
    }

    private static func first(_ name: String, _ places: [String]) throws(LaunchFailure) -> String {
        guard let path = places.first(where: { unsafe access($0, X_OK) == 0 }) else {
            throw missing(name, places.count == 1 ? places[0] : places[0] + ", " + places[1])
        }
        return path
    }

    private static func missing(_ name: String, _ places: String) -> LaunchFailure {
        LaunchFailure(
            step: "find \(name)",
            object: places,
            errno: ENOENT,
            remedy: "It is installed in bin or libexec/bailey: run 'make install' again."
        )
    }

    /// Where this program lies; nil when that cannot be known.
    static var folder: String? { (try? executable()).flatMap(folder) }

    private static func folder(of program: String) -> String? {
        program.lastPlace(of: "/").map { String(program[..<$0]) }
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
