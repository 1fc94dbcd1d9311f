internal import Foundation
internal import Glibc
internal import Linux
internal import Model

extension RecordingKey.Name {
    /// A recording that opens with this key alone; nil where there is none.
    ///
    /// Each file is looked at: before the key is made, which is once in a state directory's life, and where it is gone. What
    /// is none of ours is passed over: nothing was sealed there.
    ///
    /// - Parameter directory: the state directory.
    /// - Returns: its path.
    /// - Throws: where what is there cannot be looked at.
    func sealedRecording(in directory: String) throws(AuditStoreError) -> String? {
        let outer = "\(directory)/\(folder)"
        guard try Self.kind(of: outer) != nil else { return nil }
        for path in try Self.paths(in: outer) {
            if isByRun {
                guard try Self.kind(of: path) == S_IFDIR else { continue }
                for path in try Self.paths(in: path) where try isSealed(path) { return path }
            } else if try isSealed(path) {
                return path
            }
        }
        return nil
    }

    /// The folder of what it seals, in a state directory.
    var folder: String {
        switch self {
        case .bodies: BodyFiles.folder
        case .terminals: TerminalFiles.folder
        }
    }

    /// Whether that has a folder for each run.
    private var isByRun: Bool {
        switch self {
        case .bodies: false
        case .terminals: true
        }
    }

    private func isSealed(_ path: String) throws(AuditStoreError) -> Bool {
        guard try Self.kind(of: path) == S_IFREG else { return false }
        switch self {
        case .bodies: return RecordedBlock(try Self.beginning(of: path, RecordedBlock.header))?.keyID != nil
        case .terminals:
            return try Self.beginning(of: path, TerminalSeal.magic.count) == TerminalSeal.magic
        }
    }

    /// What is in a folder; nothing where it has gone meanwhile, as a run's does that is pruned.
    private static func paths(in folder: String) throws(AuditStoreError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).map { "\(folder)/\($0)" }
        } catch {
            guard try kind(of: folder) != nil else { return [] }
            throw AuditStoreError(.key, "cannot list \(folder): \(error); check its file system")
        }
    }

    /// Which kind of file it is (inode(7)), of the user that we are; nil where it is not there, or another's.
    private static func kind(of path: String) throws(AuditStoreError) -> mode_t? {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            if errno == ENOENT { return nil }
            throw AuditStoreError("inspect", path, errno: errno, remedy: "check its file system")
        }
        return status.st_uid == geteuid() ? status.st_mode & S_IFMT : nil
    }

    private static func beginning(of path: String, _ count: Int) throws(AuditStoreError) -> [UInt8] {
        let raw = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard raw >= 0 else {
            if errno == ENOENT { return [] }
            throw AuditStoreError("open", path, errno: errno, remedy: "make it readable, or move it away")
        }
        let file = OwnedDescriptor(raw)
        var octets = [UInt8](repeating: 0, count: count)
        var got = 0
        repeat {
            got = unsafe octets.withUnsafeMutableBytes {
                unsafe pread(file.rawValue, $0.baseAddress, $0.count, 0)
            }
        } while got < 0 && errno == EINTR
        guard got >= 0 else {
            throw AuditStoreError("read", path, errno: errno, remedy: "check its file system")
        }
        return Array(octets.prefix(got))
    }
}
