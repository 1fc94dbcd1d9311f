internal import Glibc

/// The cgroup file system's files: short texts, written in one call.
enum CgroupFile {
    /// Longer than any file read here; mountinfo of a busy host is the largest.
    static let maximumBytes = 1 << 20

    /// The file's text; nil when it cannot be read.
    static func read(_ path: String) -> String? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while text.count < maximumBytes {
            let count = unsafe chunk.withUnsafeMutableBytes {
                unsafe Glibc.read(file, $0.baseAddress, $0.count)
            }
            if count < 0 { return nil }
            if count == 0 { break }
            text += chunk.prefix(count)
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Writes `text`: 0, or errno.
    static func write(_ text: String, to path: String) -> Int32 {
        let file = unsafe open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return errno }
        defer { close(file) }
        let bytes = Array(text.utf8)
        let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
        if count < 0 { return errno }
        return count == bytes.count ? 0 : EIO
    }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Whether this process may make folders in it: false on a read-only mount too.
    static func isWritable(_ path: String) -> Bool { unsafe access(path, W_OK | X_OK) == 0 }

    /// 0, or errno.
    static func makeFolder(_ path: String) -> Int32 { unsafe mkdir(path, 0o755) == 0 ? 0 : errno }

    /// 0, or errno; a folder that is not there is no error.
    static func removeFolder(_ path: String) -> Int32 {
        if unsafe rmdir(path) == 0 || errno == ENOENT { return 0 }
        return errno
    }
}
