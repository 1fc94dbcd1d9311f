internal import Glibc
internal import Model

/// A secret in a file that only its owner may read.
struct SecretFile {
    let path: String
    let credential: String

    func read(atMost limit: Int) throws(CredentialFailure) -> [UInt8] {
        // Not blocking: a FIFO in its place must not hold the gateway up.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure("cannot open", errno, "make it readable for its owner") }
        defer { _ = close(descriptor) }
        try check(descriptor)
        var octets = try content(descriptor, atMost: limit)
        octets.dropLineEnd()
        return octets
    }

    /// Why it could not be read now; nil when nothing is known to be missing.
    var shortcoming: String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard descriptor >= 0 else {
            return failure("cannot open", errno, "make it readable for its owner").message
        }
        defer { _ = close(descriptor) }
        do {
            try check(descriptor)
        } catch {
            return error.message
        }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_size == 0 else { return nil }
        return "credential \(credential): \(path) is empty"
    }

    private func check(_ descriptor: Int32) throws(CredentialFailure) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw failure("cannot inspect", errno, "check its file system")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw CredentialFailure("credential \(credential): \(path) is not a plain file")
        }
        guard status.st_uid == geteuid() || status.st_uid == 0, status.st_mode & 0o077 == 0 else {
            throw CredentialFailure(
                "credential \(credential): refusing \(path), which others may read or own (uid "
                    + "\(status.st_uid), mode 0\(String(status.st_mode & 0o7777, radix: 8))); run: "
                    + "chown \(geteuid()) '\(path)' && chmod 600 '\(path)'"
            )
        }
    }

    private func content(_ descriptor: Int32, atMost limit: Int) throws(CredentialFailure) -> [UInt8] {
        // Room for the line end and one octet more, which shows that the file is too long.
        var buffer = [UInt8](repeating: 0, count: limit + 2)
        defer { buffer.wipe() }
        var filled = 0
        while filled < buffer.count {
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe Glibc.read(
                    descriptor,
                    bytes.baseAddress.map { unsafe $0 + filled },
                    bytes.count - filled
                )
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure("cannot read", errno, "check its file system") }
            if count == 0 { break }
            filled += count
        }
        return Array(buffer[..<filled])
    }

    private func failure(_ attempt: String, _ number: Int32, _ remedy: String) -> CredentialFailure {
        let reason = unsafe strerror(number).map { unsafe String(cString: $0) } ?? "errno \(number)"
        return CredentialFailure("credential \(credential): \(attempt) \(path): \(reason); \(remedy)")
    }
}
