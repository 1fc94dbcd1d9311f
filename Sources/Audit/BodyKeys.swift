internal import Model
internal import Synchronization

/// The keys that recorded bodies open with, each derived once.
final class BodyKeys: Sendable {
    private struct Known {
        var master: RecordingKey?
        var seals: [ByteText: BodySeal] = [:]
    }

    private let directory: String
    private let known = Mutex(Known())

    /// - Parameter directory: the state directory.
    init(directory: String) { self.directory = directory }

    private var path: String { RecordingKey.Name.bodies.path(in: directory) }

    /// Of a run, whose recordings are the file.
    func seal(of run: String, _ file: String) throws(BodyReader.Fault) -> BodySeal {
        try known.withLock { known throws(BodyReader.Fault) in
            if let seal = known.seals[ByteText(run)] { return seal }
            let master = if let kept = known.master { kept } else { try master(of: file) }
            if known.seals.count >= AuditLimits.recordingsOpen { known.seals.removeAll() }
            let seal = BodySeal(master, run: run)
            known.master = master
            known.seals[ByteText(run)] = seal
            return seal
        }
    }

    private func master(of file: String) throws(BodyReader.Fault) -> RecordingKey {
        do throws(AuditStoreError) {
            if let key = try RecordingKey.known(.bodies, in: directory) { return key }
        } catch {
            throw BodyReader.Fault(
                description: "\(file) does not open without \(path): \(error)",
                isOfKey: true
            )
        }
        throw BodyReader.Fault(
            description:
                "\(file) does not open without \(path), which is gone or is no key; put that key back",
            isOfKey: true
        )
    }

    /// Why a block that names another key does not open; the key is read anew then, since it may be put back.
    func other(than file: String) -> BodyReader.Fault {
        known.withLock { $0 = Known() }
        return BodyReader.Fault(
            description:
                "\(file) was sealed with another key than \(path); put the key back that was there then",
            isOfKey: true
        )
    }
}
