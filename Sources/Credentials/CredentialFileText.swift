internal import Glibc
internal import Profiles

/// The text of `credentials.yaml`.
enum CredentialFileText {
    /// Nil when there is no such file.
    ///
    /// Refused when others may write it: it says which programs Bailey runs and where secrets go.
    static func read(_ path: String) throws(ProfileError) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure(path, "cannot be opened: \(reason(errno)); make it readable for its owner")
        }
        defer { _ = close(descriptor) }
        try check(descriptor, path)
        var octets: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while octets.count <= YAMLDocument.maximumSize {
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe Glibc.read(descriptor, bytes.baseAddress, bytes.count)
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure(path, "cannot be read: \(reason(errno))") }
            if count == 0 { break }
            octets += buffer[..<count]
        }
        guard let text = String(validating: octets, as: UTF8.self) else {
            throw failure(path, "is not UTF-8")
        }
        return text
    }

    private static func check(_ descriptor: Int32, _ path: String) throws(ProfileError) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw failure(path, "is not a plain file")
        }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw failure(
                path,
                "belongs to uid \(status.st_uid), not to \(geteuid()) or 0; name a folder of your own with "
                    + "XDG_CONFIG_HOME, or with sudo use sudo -H"
            )
        }
        guard status.st_mode & 0o022 == 0 else {
            throw failure(
                path,
                "may be written by others (mode 0\(String(status.st_mode & 0o7777, radix: 8))); run: "
                    + "chmod go-w '\(path)'"
            )
        }
    }

    private static func failure(_ path: String, _ message: String) -> ProfileError {
        ProfileError(file: path, "the credentials file \(message)")
    }

    private static func reason(_ number: Int32) -> String {
        unsafe strerror(number).map { unsafe String(cString: $0) } ?? "errno \(number)"
    }
}
