package import NIOCore

/// A stream's octets that have come and are not read yet.
extension ByteBuffer {
    /// Adds what has come behind what waits.
    package mutating func append(arrived more: ByteBuffer) {
        if readableBytes == 0 {
            self = more
        } else {
            discardReadBytes()
            writeImmutableBuffer(more)
        }
    }

    /// Lets go of the storage where nothing waits.
    ///
    /// A channel reads into the same buffer again. While somebody holds it, that is a copy of all its room, of 2 MiB on a fast
    /// stream, whatever is in it (`ByteBuffer`, "copy-on-write").
    package mutating func releaseIfRead() {
        if readableBytes == 0 { self = ByteBuffer() }
    }

    /// The same octets in storage that is at most twice as large: a few octets do not keep the whole buffer that they were
    /// read into.
    package func fitted() -> ByteBuffer {
        2 * readableBytes >= storageCapacity ? self : ByteBuffer(bytes: readableBytesView)
    }
}
