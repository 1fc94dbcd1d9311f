package import NIOCore

/// Octets that are kept beyond the turn in which they came, in storage of their own.
///
/// A slice keeps the whole buffer that it was read into, which has 32 KiB behind TLS and up to 2 MiB, however few octets it has:
/// of a peer that sends them one by one, each would be kept as so many.
///
/// A class: what is kept is not copied with the state that it is part of.
package final class KeptOctets {
    /// Octets of a piece that is begun: at most so many more than came are held.
    package static let piece = 64 << 10

    /// One behind the other.
    package private(set) var pieces: [ByteBuffer] = []
    package private(set) var count = 0

    package init() {}

    package func append(_ bytes: ByteBuffer) {
        let more = bytes.readableBytes
        guard more > 0 else { return }
        if let last = pieces.indices.last, pieces[last].writableBytes >= more {
            pieces[last].writeImmutableBuffer(bytes)
        } else {
            // As much again as there is, so that there are few; the first in its own length, since most come in one.
            var own = ByteBuffer()
            own.reserveCapacity(max(more, min(count, Self.piece)))
            own.writeImmutableBuffer(bytes)
            pieces.append(own)
        }
        count += more
    }
}
