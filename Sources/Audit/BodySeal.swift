internal import Crypto
internal import Foundation
internal import Model

/// Seals the recorded bodies of one run, block by block (AES-256-GCM), with a key that is the run's own.
///
/// The header and the place in the file are authenticated with each: a block that was moved, exchanged or changed does not
/// open, nor does another run's. The nonce is random, so that none comes twice where a place is written anew behind a write
/// that failed, or another process goes on with the file; for 2^32 blocks of a run that is good (SP 800-38D section 8.3),
/// 256 GiB of the smallest.
struct BodySeal: Sendable {
    private let key: SymmetricKey
    /// Says which of the supervisor's keys it is derived from, and nothing of it.
    let keyID: [UInt8]

    init(_ master: RecordingKey, run: String) {
        key = master.derived("bailey recorded bodies v1 \(run)")
        keyID = master.id("bailey recorded bodies key id v1")
    }

    /// With the supervisor's key, made at first use.
    static func kept(run: String, in directory: String) throws(AuditStoreError) -> BodySeal {
        BodySeal(try RecordingKey.kept(.bodies, in: directory), run: run)
    }

    /// A block as it is written at a place of the file.
    func block(
        _ piece: ArraySlice<UInt8>,
        of body: BodyPlace,
        at place: UInt64
    ) throws(AuditStoreError) -> (head: [UInt8], sealed: Data) {
        let head = RecordedBlock.head(piece.count, of: body, keyID: keyID)
        do {
            let box = try AES.GCM.seal(piece, using: key, authenticating: Self.context(head, place))
            if let sealed = box.combined { return (head, sealed) }
        } catch {
            throw AuditStoreError(.key, "cannot seal a body of run \(body.run): \(error)")
        }
        throw AuditStoreError(.key, "cannot seal a body of run \(body.run): its nonce has another length")
    }

    /// What a block holds; nil where it was not sealed with this key, for this place, under this header.
    func open(_ sealed: [UInt8], under head: [UInt8], at place: UInt64) -> [UInt8]? {
        guard let box = try? AES.GCM.SealedBox(combined: sealed),
            let octets = try? AES.GCM.open(box, using: key, authenticating: Self.context(head, place))
        else { return nil }
        return Array(octets)
    }

    private static func context(_ head: [UInt8], _ place: UInt64) -> [UInt8] {
        head + Int64(bitPattern: place).octets
    }
}
