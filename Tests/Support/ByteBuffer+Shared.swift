package import NIOCore

extension ByteBuffer {
    /// Whether somebody else holds the storage: then a write is made to a copy of it.
    ///
    /// Writes a zero over the first octet, which must be there.
    package mutating func writesToCopy() -> Bool {
        let before = unsafe withVeryUnsafeBytes { $0.baseAddress }
        setInteger(UInt8(0), at: 0)
        return unsafe withVeryUnsafeBytes { $0.baseAddress } != before
    }
}
