internal import CSandbox
internal import Glibc
internal import Linux

/// Bytes in memory behind a descriptor that nobody can change any more (memfd_create(2), fcntl(2) F_ADD_SEALS).
enum SealedMemory {
    static func holding(_ bytes: [UInt8], name: String) throws(SystemCallError) -> OwnedDescriptor {
        let raw = unsafe csb_sealed_memory(name, bytes, bytes.count)
        guard raw >= 0 else { throw SystemCallError(stage: "memfd_create", object: name, errno: -raw) }
        return OwnedDescriptor(raw)
    }
}
