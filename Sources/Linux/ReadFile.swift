internal import Glibc

/// Reads whole small files.
package enum ReadFile {
    /// The bytes of a regular file; nil when it cannot be read or is over the limit.
    package static func bytes(at path: String, limit: Int) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return bytes(of: descriptor, limit: limit)
    }

    /// Why `bytes(at:limit:)` gives nothing, as well as it can be told afterwards.
    package static func trouble(at path: String, limit: Int) -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return SystemCallError.text(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return SystemCallError.text(errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { return "it is not a file" }
        return status.st_size > limit ? "it is larger than \(limit >> 10) KiB" : "it was not read to its end"
    }

    /// The bytes of an open regular file from its beginning; nil when it cannot be read or is over the limit.
    package static func bytes(of descriptor: Int32, limit: Int) -> [UInt8]? {
        var status = stat()
        var result: [UInt8] = []
        if unsafe fstat(descriptor, &status) == 0 {
            result.reserveCapacity(max(0, min(Int(status.st_size), limit)))
        }
        let finished = forEachChunk(of: descriptor, limit: limit) {
            result += $0
            return true
        }
        return finished ? result : nil
    }

    /// Hands a regular file's bytes on in chunks, for as long as `body` wants more; false when it does not, when the
    /// file is none, fails, or is over the limit.
    package static func forEachChunk(
        of descriptor: Int32,
        limit: Int,
        _ body: (ArraySlice<UInt8>) -> Bool
    ) -> Bool {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            status.st_size <= limit
        else { return false }
        var chunk = [UInt8](repeating: 0, count: 128 << 10)
        var offset = 0
        while offset <= limit {
            let count = unsafe chunk.withUnsafeMutableBytes { bytes in
                unsafe pread(descriptor, bytes.baseAddress, bytes.count, off_t(offset))
            }
            guard count >= 0 else { return false }
            if count == 0 { return true }
            guard body(chunk[..<count]) else { return false }
            offset += count
        }
        return false
    }
}
