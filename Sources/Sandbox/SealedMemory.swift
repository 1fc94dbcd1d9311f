internal import CSandbox
internal import Glibc
internal import Linux

/// Bytes in memory behind a descriptor that nobody can change any more (memfd_create(2), fcntl(2) F_ADD_SEALS).
enum SealedMemory {
    static func holding(_ bytes: [UInt8], name: String) throws(SystemCallError) -> OwnedDescriptor {
        try holding([bytes], name: name)
    }

    /// The parts one behind the other, none of which is copied before.
    static func holding(_ parts: [[UInt8]], name: String) throws(SystemCallError) -> OwnedDescriptor {
        let memory = OwnedDescriptor(try check(unsafe csb_open_memory(name), "memfd_create", name))
        for part in parts {
            _ = try check(unsafe csb_append_memory(memory.rawValue, part, part.count), "write", name)
        }
        _ = try check(csb_seal_memory(memory.rawValue), "fcntl F_ADD_SEALS", name)
        return memory
    }

    private static func check(
        _ result: Int32,
        _ stage: String,
        _ name: String
    ) throws(SystemCallError) -> Int32 {
        guard result >= 0 else { throw SystemCallError(stage: stage, object: name, errno: -result) }
        return result
    }
}
