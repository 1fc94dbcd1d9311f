internal import Glibc
internal import Linux
internal import Model
package import Policy

/// What a profile copies, as far as the host may have a say in it.
package enum CopiedFolders {
    /// Folders that one profile copies: each costs four of the 256 sources of a plan, with what is kept in it.
    private static let maximum = 32
    /// Bytes of the kernel's list of mounts: tens of thousands of them.
    private static let maximumMounts = 16 << 20

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
        guard let mounts = mountPoints() else {
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
            if let inner = mounts.first(where: { $0.isWithin(path) && !$0.isSame(as: path) }) {
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

    /// Every mount point of this namespace (proc_pid_mountinfo(5)).
    private static func mountPoints() -> [String]? {
        let flags = O_RDONLY | O_CLOEXEC
        let file = OwnedDescriptor(unsafe open("/proc/self/mountinfo", flags))
        guard file.rawValue >= 0 else { return nil }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= maximumMounts {
            let count = unsafe chunk.withUnsafeMutableBytes {
                unsafe read(file.rawValue, $0.baseAddress, $0.count)
            }
            guard count >= 0 else { return nil }
            if count == 0 { return points(in: String(decoding: bytes, as: UTF8.self)) }
            bytes += chunk[..<count]
        }
        return nil
    }

    private static func points(in text: String) -> [String] {
        text.cut(at: "\n").compactMap { line in
            let fields = line.cut(at: " ")
            return fields.count > 4 ? unescaped(fields[4]) : nil
        }
    }

    /// Blanks, line breaks and backslashes are written as three octal digits.
    private static func unescaped(_ text: Substring) -> String {
        var (bytes, rest) = ([UInt8](), Array(text.utf8)[...])
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), rest.count >= 3,
                let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            else {
                bytes.append(byte)
                continue
            }
            bytes.append(code)
            rest = rest.dropFirst(3)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
