import Foundation
import Glibc

/// What the kernel under the tests cannot do, as `make test-kernel` says it.
package enum Kernel {
    /// Names that launches have to give to `--allow-degraded`, from `$BAILEY_TESTS_DEGRADED`, separated by commas.
    package static let lacks: [String] = {
        let names = ProcessInfo.processInfo.environment["BAILEY_TESTS_DEGRADED"] ?? ""
        return names.split(separator: ",").map(String.init)
    }()

    /// What a launch says to do without them.
    package static let options: [String] = lacks.flatMap { ["--allow-degraded", $0] }

    /// Whether Landlock keeps a parent's processes from its children's (ABI 6, Linux 6.12).
    package static var wallsChildren: Bool { !lacks.contains("landlock") }
    /// Why a test is not run where it does not.
    package static let childrenWall = "needs Landlock ABI 6, which walls a child off from its parent"

    /// Whether a socket can refuse descriptors (SO_PASSRIGHTS, 83 in asm-generic/socket.h, Linux 6.16).
    package static let refusesDescriptors: Bool = {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return false }
        defer { for end in ends { close(end) } }
        var off: Int32 = 0
        return setsockopt(ends[0], SOL_SOCKET, 83, &off, socklen_t(MemoryLayout<Int32>.size)) == 0
    }()

    /// Whether root's agents can be granted a folder of the system: not where that lies on an overlay, which takes no
    /// id-mapped mounts.
    package static let grantsSystemFolders: Bool = {
        let type = try? Command.run(
            ["stat", "-f", "-c", "%T", "/etc"],
            environment: ["PATH": "/usr/bin:/bin"],
            directory: "/"
        )
        return getuid() != 0 || type?.lines.first != "overlayfs"
    }()
    /// Why a test is not run where they cannot.
    package static let systemFolders = "needs a file system at /etc that takes id-mapped mounts"
}

extension Place {
    /// `bailey run`, and what this kernel makes a launch say.
    package var launcher: [String] { [binary, "run"] + (isServed ? [] : Kernel.options) }
    /// The same within a shell's script.
    package var launch: String { (["'\(binary)'", "run"] + Kernel.options).joined(separator: " ") }
    /// `bailey serve`, which says it for all launches that go through it: one that says it itself would go alone.
    package var server: [String] { [binary, "serve"] + Kernel.options }
}
