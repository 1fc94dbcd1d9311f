internal import Foundation

extension RecordingKey.Name {
    /// A recording that opens with this key alone; nil where there is none.
    ///
    /// Each file is looked at: before the key is made, which is once in a state directory's life, and where it is gone.
    ///
    /// - Parameter directory: the state directory.
    /// - Returns: its path.
    /// - Throws: what cannot be looked at.
    func sealedRecording(in directory: String) throws(AuditStoreError) -> String? {
        let state = try StateDirectory(directory, create: false)
        guard try Self.names(in: directory).contains(where: { $0.isSame(as: folder) }) else { return nil }
        let outer = try state.directory(folder, create: false)
        for name in try Self.names(in: outer.path) {
            guard isByRun else {
                if try isSealed(name, in: outer) { return "\(outer.path)/\(name)" }
                continue
            }
            let inner = try outer.directory(name, create: false)
            for name in try Self.names(in: inner.path) where try isSealed(name, in: inner) {
                return "\(inner.path)/\(name)"
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

    private func isSealed(_ name: String, in folder: borrowing StateDirectory) throws(AuditStoreError) -> Bool {
        guard let file = try PrivateFile.open(name, in: folder, .read) else { return false }
        switch self {
        case .bodies: return RecordedBlock(file.read(RecordedBlock.header, at: 0))?.keyID != nil
        case .terminals: return file.read(TerminalSeal.magic.count, at: 0) == TerminalSeal.magic
        }
    }

    private static func names(in folder: String) throws(AuditStoreError) -> [String] {
        do { return try FileManager.default.contentsOfDirectory(atPath: folder) } catch {
            throw AuditStoreError(.key, "cannot list \(folder): \(error); check its file system")
        }
    }
}
