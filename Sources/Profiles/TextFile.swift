internal import Glibc

/// Reads small text files, bounded, and says why one cannot be read.
package enum TextFile {
    /// Why a file cannot be read, `open: Permission denied`.
    package struct Failure: Error, Sendable, Hashable {
        package let message: String
    }

    /// The whole text of a regular file of at most `limit` bytes.
    package static func read(_ path: String, limit: Int = YAMLDocument.maximumSize) throws(Failure) -> String
    {
        // A pipe or device in place of a file must not block.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure("open") }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure("fstat") }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw Failure(message: "it is a folder") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Failure(message: "it is not a regular file") }
        guard status.st_size <= limit else { throw Failure(message: "it is larger than \(limit / 1024) KiB") }
        let bytes = try contents(of: descriptor, limit: limit)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(message: "it is not UTF-8")
        }
        return text
    }

    private static func contents(of descriptor: CInt, limit: Int) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("read") }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= limit else {
                throw Failure(message: "it is larger than \(limit / 1024) KiB")
            }
        }
    }

    /// Whether something is there under this name.
    package static func exists(_ path: String) -> Bool {
        unsafe access(path, F_OK) == 0
    }

    /// Whether something may be there under this name: false only when the system says that nothing is.
    ///
    /// What cannot be looked at, or is a link to nowhere, counts as there, so that reading it fails by its name and
    /// nothing else is taken in its stead.
    package static func mayExist(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0 || (errno != ENOENT && errno != ENOTDIR)
    }

    /// Where the running program lies (proc(5), `/proc/self/exe`).
    package static var executablePath: String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0, count < buffer.count else { return nil }
        return String(validating: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The current directory (getcwd(3)); nil when it is gone or out of reach.
    static var currentDirectory: String? {
        guard let path = unsafe getcwd(nil, 0) else { return nil }
        defer { unsafe free(path) }
        return unsafe String(cString: path)
    }

    /// The names in a folder, sorted; empty when it cannot be read.
    package static func list(_ folder: String) -> [String] {
        guard let stream = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream), names.count < maximumEntries {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            names.append(name)
        }
        return names.sorted()
    }

    /// Names that are read from one folder of profiles.
    package static let maximumEntries = 10_000

    private static func failure(_ call: String) -> Failure {
        let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "unknown error"
        return Failure(message: "\(call): \(reason)")
    }
}
