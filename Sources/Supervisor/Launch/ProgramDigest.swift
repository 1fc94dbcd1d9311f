internal import Crypto
internal import Linux

/// SHA-256 of a program's file: evidence of what ran, never grounds for a decision.
enum ProgramDigest {
    /// Bytes hashed; a larger program has no digest in the record.
    static let maximumSize = 128 << 20

    /// Lower-case hex; nil when the file cannot be read.
    static func ofFile(_ descriptor: Int32?) -> String? {
        guard let descriptor else { return nil }
        var hash = SHA256()
        guard ReadFile.forEachChunk(of: descriptor, limit: maximumSize, { hash.update(data: $0) }) else {
            return nil
        }
        return hash.finalize().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
