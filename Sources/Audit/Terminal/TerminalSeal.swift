internal import Crypto
internal import Foundation

/// The form of a recording on the disk: a header, and chunks that are sealed one by one (AES-256-GCM).
///
/// ```
///   "BTRM" 1 0 0 0  salt (16)  id of the key (8)
///   length (4, big endian)  ciphertext (length)  tag (16)
///   …
/// ```
///
/// The key is the recording's own: HKDF of the supervisor's, the salt and the agent's id, so that no chunk opens in another's
/// place. Its number, and whether it is the last one, are its nonce: chunks that are cut off, exchanged or sent twice do not
/// open, and one whose last is missing is cut (Hoang, Reyhanitabar, Rogaway, Vizár: STREAM, CRYPTO 2015). The id of the key
/// is derived from the same: a recording that was sealed with another one is told from one that was changed.
struct TerminalSeal {
    static let magic: [UInt8] = Array("BTRM".utf8) + [1, 0, 0, 0]
    static let header = magic.count + TerminalLimits.salt + AuditLimits.sealKeyID
    static let length = 4

    private let key: SymmetricKey
    /// Says which key it is, and nothing of it.
    let keyID: [UInt8]
    private(set) var number: UInt64 = 0

    init(master: RecordingKey, salt: [UInt8], agent: String) {
        key = master.derived(salt: salt, "bailey terminal recording v1 \(agent)")
        keyID = master.id(salt: salt, "bailey terminal key id v1")
    }

    /// The next chunk as it is written; it counts once it is (`wrote`).
    func seal(_ octets: ArraySlice<UInt8>, isLast: Bool) throws -> [UInt8] {
        let box = try AES.GCM.seal(Data(octets), using: key, nonce: try nonce(isLast: isLast))
        let count = UInt32(clamping: box.ciphertext.count)
        let head = (0..<4).map { UInt8(truncatingIfNeeded: count >> UInt32(24 - 8 * $0)) }
        return head + box.ciphertext + box.tag
    }

    mutating func wrote() { number += 1 }

    /// What the next chunk holds; nil where it is not that one.
    mutating func open(_ sealed: [UInt8]) -> (octets: [UInt8], isLast: Bool)? {
        guard sealed.count >= AuditLimits.sealTag else { return nil }
        let (text, tag) = (sealed.dropLast(AuditLimits.sealTag), sealed.suffix(AuditLimits.sealTag))
        for isLast in [false, true] {
            guard let nonce = try? nonce(isLast: isLast),
                let box = try? AES.GCM.SealedBox(nonce: nonce, ciphertext: Data(text), tag: Data(tag)),
                let octets = try? AES.GCM.open(box, using: key)
            else { continue }
            number += 1
            return (Array(octets), isLast)
        }
        return nil
    }

    private func nonce(isLast: Bool) throws -> AES.GCM.Nonce {
        try AES.GCM.Nonce(data: Data([isLast ? 1 : 0, 0, 0, 0]) + Int64(bitPattern: number).octets)
    }
}
