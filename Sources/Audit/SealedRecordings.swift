internal import Foundation
internal import Glibc
internal import Linux
internal import Model

extension RecordingKey.Name {
    /// A recording that opens with this key alone; nil where there is none.
    ///
    /// Each file is looked at: before the key is made, which is once in a state directory's life, and where it is gone. What
    /// is no recording is passed over.
    ///
    /// - Parameter directory: the state directory.
    /// - Returns: its path.
    /// - Throws: where what is there cannot be listed.
    func sealedRecording(in directory: String) throws(AuditStoreError) -> String? {
        for outer in try Self.paths(in: "\(directory)/\(folder)") {
            for path in isByRun ? try Self.paths(in: outer) : [outer] where isSealed(path) { return path }
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

    private func isSealed(_ path: String) -> Bool {
        switch self {
        case .bodies: RecordedBlock(Self.beginning(of: path, RecordedBlock.header))?.keyID != nil
        case .terminals: Self.beginning(of: path, TerminalSeal.magic.count) == TerminalSeal.magic
        }
    }

    /// What is in a folder; nothing where it is none, or none any more.
    private static func paths(in folder: String) throws(AuditStoreError) -> [String] {
        guard isFolder(folder) else { return [] }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).map { "\(folder)/\($0)" }
        } catch {
            guard isFolder(folder) else { return [] }
            throw AuditStoreError(.key, "cannot list \(folder): \(error); check its file system")
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Its first octets; none of what cannot be read.
    private static func beginning(of path: String, _ count: Int) -> [UInt8] {
        let raw = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard raw >= 0 else { return [] }
        let file = OwnedDescriptor(raw)
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = max(0, unsafe pread(file.rawValue, buffer.baseAddress, count, 0))
        }
    }
}
