internal import Foundation
internal import Glibc
package import Model
internal import Synchronization

/// The recorded bodies, a file for each run in the folder `recordings` of the state directory, mode 0600.
///
/// A file is blocks one after another, of all bodies of the run as they come, each sealed: `RecordedBlock`. Nothing in it is
/// chained; the digests of the bodies are, in the records of the replies.
package final class BodyFiles: BodySink {
    static let folder = "recordings"

    private struct Files {
        var open: [String: RunFile] = [:]
        /// Why there is no key, for a moment: to find out again may cost a look at all that is recorded.
        var keyless: (error: AuditStoreError, end: ContinuousClock.Instant)?
    }

    private struct RunFile {
        let file: PrivateFile
        let seal: BodySeal
        /// Octets that are there.
        var end: UInt64
    }

    private let directory: String
    /// Octets of what one run records.
    private let limit: UInt64
    private let terminals: RecordedTerminals
    private let pause: Int
    private let files = Mutex(Files())

    /// - Parameters:
    ///   - directory: the state directory.
    ///   - limit: octets that one run may record, of bodies and terminals.
    ///   - terminals: how many it has of terminals.
    ///   - pause: milliseconds until the key is looked for again, where there was none.
    package init(
        directory: String,
        limit: UInt64 = AuditLimits.recordings,
        terminals: RecordedTerminals = RecordedTerminals(),
        pause: Int = AuditLimits.recordingPause
    ) {
        (self.directory, self.limit, self.terminals, self.pause) = (directory, limit, terminals, pause)
    }

    /// Octets of a run's file; 0 where it has none.
    static func octets(of run: String, in directory: String) -> UInt64 {
        var status = stat()
        guard unsafe stat("\(directory)/\(folder)/\(run)", &status) == 0 else { return 0 }
        return UInt64(clamping: status.st_size)
    }

    package func refusal(of run: String) -> AuditFailure? {
        files.withLock { files in
            do throws(AuditStoreError) {
                return try file(of: run, &files).end >= room(of: run) ? overLimit(run) : nil
            } catch {
                return AuditFailure(error.message)
            }
        }
    }

    package func append(_ octets: [UInt8], to body: BodyPlace) throws(AuditFailure) -> Range<UInt64> {
        do throws(AuditStoreError) {
            return try files.withLock { files throws(AuditStoreError) in try append(octets, to: body, &files)
            }
        } catch {
            throw AuditFailure(error.message)
        }
    }

    private func append(
        _ octets: [UInt8],
        to body: BodyPlace,
        _ files: inout Files
    ) throws(AuditStoreError) -> Range<UInt64> {
        var known = try file(of: body.run, &files)
        let start = known.end
        var rest = octets[...]
        while let piece = RecordedBlock.next(of: &rest) {
            let count = UInt64(RecordedBlock.overhead + piece.count)
            guard known.end + count <= room(of: body.run) else {
                throw AuditStoreError(.database, overLimit(body.run).message)
            }
            let block = try known.seal.block(piece, of: body, at: known.end)
            try known.file.append(block.head, block.sealed, at: known.end)
            known.end += count
            files.open[body.run] = known
        }
        return start..<known.end
    }

    private func file(of run: String, _ files: inout Files) throws(AuditStoreError) -> RunFile {
        if let known = files.open[run] { return known }
        let file = try open(run, try seal(of: run, &files))
        // Descriptors stay few: a file that is wanted again is opened again.
        if files.open.count >= AuditLimits.recordingsOpen { _ = files.open.popFirst() }
        files.open[run] = file
        return file
    }

    private func seal(of run: String, _ files: inout Files) throws(AuditStoreError) -> BodySeal {
        if let keyless = files.keyless, keyless.end > .now { throw keyless.error }
        do throws(AuditStoreError) { return try BodySeal.kept(run: run, in: directory) } catch {
            files.keyless = (error, .now + .milliseconds(pause))
            throw error
        }
    }

    private func open(_ run: String, _ seal: BodySeal) throws(AuditStoreError) -> RunFile {
        let state = try StateDirectory(directory, create: true)
        let folder = try state.directory(Self.folder, create: true)
        var file = try PrivateFile.open(run, in: folder, .createNew)
        if file == nil { file = try PrivateFile.open(run, in: folder, .readWrite) }
        guard let file else {
            throw AuditStoreError(
                .unsafeFile,
                "cannot make \(directory)/\(Self.folder)/\(run): it comes and goes"
            )
        }
        return RunFile(file: file, seal: seal, end: try file.length())
    }

    /// Octets that its bodies may have beside its terminals.
    private func room(of run: String) -> UInt64 { limit - min(limit, terminals.octets(of: run)) }

    private func overLimit(_ run: String) -> AuditFailure {
        AuditFailure(
            "the bodies recorded of run \(run), with its terminals, would have more than \(limit) octets, the limit; raise "
                + "recordings in bailey.yaml, or begin another run"
        )
    }
}

extension PrivateFile {
    /// Octets that are there.
    fileprivate func length() throws(AuditStoreError) -> UInt64 {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw AuditStoreError("inspect", path, errno: errno, remedy: "check its file system")
        }
        return UInt64(clamping: status.st_size)
    }

    /// Writes two pieces behind what is there, or nothing.
    func append(
        _ head: [UInt8],
        _ octets: Data = Data(),
        at end: UInt64,
        _ attempt: String = "record a body in"
    ) throws(AuditStoreError) {
        let size = head.count + octets.count
        var written = 0
        while written < size {
            let count = write(
                head.dropFirst(written),
                octets.dropFirst(max(0, written - head.count)),
                at: off_t(end) + off_t(written)
            )
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let reason = count < 0 ? errno : ENOSPC
                _ = ftruncate(descriptor, off_t(end))
                throw AuditStoreError(
                    attempt,
                    path,
                    errno: reason,
                    remedy: "free space on its file system"
                )
            }
            written += count
        }
    }

    private func write(_ head: ArraySlice<UInt8>, _ octets: Data, at place: off_t) -> Int {
        unsafe head.withUnsafeBytes { head in
            unsafe octets.withUnsafeBytes { octets in
                let parts = unsafe [head, octets].map { part in
                    unsafe iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: part.baseAddress),
                        iov_len: part.count
                    )
                }
                return unsafe pwritev(descriptor, parts, Int32(parts.count), place)
            }
        }
    }
}
