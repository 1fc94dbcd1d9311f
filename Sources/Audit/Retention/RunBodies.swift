internal import Foundation
internal import Glibc
internal import Linux
internal import Model

/// What is recorded of runs beside the log, as a pruning sees it: of each a file of bodies, and a folder of terminals.
struct RunBodies: Sendable {
    private let folder: String
    private let terminals: String

    /// - Parameter directory: the state directory.
    init(directory: String) {
        folder = directory + "/" + BodyFiles.folder
        terminals = directory + "/" + TerminalFiles.folder
    }

    /// Octets of a run's.
    func octets(of run: String) -> UInt64 {
        files(of: run).reduce(0) { sum, path in
            var status = stat()
            return unsafe stat(path, &status) == 0 ? sum &+ UInt64(clamping: status.st_size) : sum
        }
    }

    /// Octets of all.
    var octets: UInt64 {
        let names = Set((Self.names(in: folder) + Self.names(in: terminals)).map { ByteText($0) })
        return names.reduce(0) { $0 &+ octets(of: $1.text) }
    }

    /// Removes a run's, also from under a supervisor that has the file open still: what they take is free at once.
    func remove(_ run: String) throws(AuditStoreError) {
        for path in files(of: run) {
            empty(path)
            guard unsafe unlink(path) != 0, errno != ENOENT else { continue }
            throw AuditStoreError("remove a recording", path, errno: errno, remedy: "remove it by hand")
        }
        guard let folder = path(of: run, in: terminals), unsafe rmdir(folder) != 0, errno != ENOENT else {
            return
        }
        throw AuditStoreError("remove the folder", folder, errno: errno, remedy: "remove it by hand")
    }

    /// Whose there are, of those that nothing was added to for as long as a run has to rest.
    func resting(at now: Timestamp) -> [String] {
        let names = Self.names(in: folder) + Self.names(in: terminals)
        return Set(names.map { ByteText($0) }).map(\.text).filter { name in
            let files = files(of: name)
            return !files.isEmpty && files.allSatisfy { isResting($0, at: now) }
        }
    }

    private func isResting(_ path: String, at now: Timestamp) -> Bool {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
        let (age, isBeyond) = (now.milliseconds / 1_000)
            .subtractingReportingOverflow(Int64(status.st_mtim.tv_sec))
        return !isBeyond && age >= AuditLimits.pruningRest / 1_000
    }

    private static func names(in folder: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }

    /// Those that are there.
    private func files(of run: String) -> [String] {
        guard let bodies = path(of: run, in: folder), let terminals = path(of: run, in: terminals) else {
            return []
        }
        let files = [bodies] + Self.names(in: terminals).map { "\(terminals)/\($0)" }
        return files.filter { path in
            var status = stat()
            return unsafe lstat(path, &status) == 0
        }
    }

    /// A run's name is a file's: what is none has no recordings.
    private func path(of run: String, in folder: String) -> String? {
        run.isEmpty || run.holds("/") || run.begins(with: ".") ? nil : "\(folder)/\(run)"
    }

    /// Not where the file has another name: then it is somebody's copy as well.
    private func empty(_ path: String) {
        let raw = unsafe open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard raw >= 0 else { return }
        let file = OwnedDescriptor(raw)
        var status = stat()
        guard unsafe fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            status.st_nlink == 1
        else { return }
        _ = ftruncate(file.rawValue, 0)
    }
}
