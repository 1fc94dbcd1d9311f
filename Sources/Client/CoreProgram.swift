internal import Glibc
package import Linux
internal import Model

/// The program behind `bailey`, which supervises and has every command.
package enum CoreProgram {
    package static let name = "bailey-core"

    /// Where it may lie, seen from the folder of `bailey`: a build's, then an installation's.
    static func places(besides folder: String) -> [String] {
        ["\(folder)/\(name)", "\(folder)/../libexec/bailey/\(name)"]
    }

    /// Becomes it, with the arguments of this process; returns only when that fails.
    package static func execute() -> LaunchFailure {
        guard let own = PathText.target(of: "/proc/self/exe"), let end = own.lastPlace(of: "/") else {
            return LaunchFailure(
                step: "readlink",
                object: "/proc/self/exe",
                errno: errno,
                remedy: "Bailey needs /proc to find its own files."
            )
        }
        let places = places(besides: String(own[..<end]))
        let path = places.first { unsafe access($0, X_OK) == 0 } ?? places[0]
        unsafe execv(path, CommandLine.unsafeArgv)
        return LaunchFailure(
            step: "start \(name)",
            object: path,
            errno: errno,
            remedy: "It is installed beside bailey or in ../libexec/bailey: run 'make install' again."
        )
    }
}
