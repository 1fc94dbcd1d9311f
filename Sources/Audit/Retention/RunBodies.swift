internal import Foundation
internal import Glibc
internal import Linux
internal import Model

/// The recorded bodies of runs, as a pruning sees them: a file for each.
struct RunBodies: Sendable {
    private let folder: String

    /// - Parameter directory: the state directory.
    init(directory: String) {
        folder = directory + "/" + BodyFiles.folder
    }

    /// Octets of a run's.
    func octets(of run: String) -> UInt64 {
        var status = stat()
        guard let path = path(of: run), unsafe stat(path, &status) == 0 else { return 0 }
        return UInt64(clamping: status.st_size)
    }

    /// Removes a run's, also from under a supervisor that has the file open still: what they take is free at once.
    func remove(_ run: String) throws(AuditStoreError) {
        guard let path = path(of: run) else { return }
        empty(path)
        guard unsafe unlink(path) != 0, errno != ENOENT else { return }
        throw AuditStoreError(
            "remove the recorded bodies",
            path,
            errno: errno,
            remedy: "remove them by hand"
        )
    }

    /// Whose there are, of those that nothing was added to for as long as a run has to rest.
    func resting(at now: Timestamp) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { name in
            var status = stat()
            guard let path = path(of: name), unsafe lstat(path, &status) == 0,
                status.st_mode & S_IFMT == S_IFREG
            else { return false }
            let (age, isBeyond) = (now.milliseconds / 1_000)
                .subtractingReportingOverflow(Int64(status.st_mtim.tv_sec))
            return !isBeyond && age >= AuditLimits.pruningRest / 1_000
        }
    }

    /// A run's name is a file's: what is none has no recordings.
    private func path(of run: String) -> String? {
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
