internal import CCodings
package import NIOCore
internal import Wire

/// Undoes one content coding of one stream, in constant memory: zlib's window of 32 KiB, brotli's of at most 16 MiB,
/// zstd's of at most 8 MiB.
@safe package final class ContentDecoder {
    private let decoder: OpaquePointer
    /// What it was given and has not read.
    private var input = ByteBuffer()
    private var state = CCD_MORE
    private var hasBegun = false
    /// Octets that came in and went out.
    private var taken = 0
    private var made = 0

    package init(_ coding: ContentCoding) throws(DecodingFault) {
        guard let decoder = unsafe ccd_new(coding.kind) else { throw .noMemory }
        unsafe self.decoder = decoder
    }

    deinit {
        unsafe ccd_free(decoder)
    }

    /// Gives it more to read.
    package func give(_ more: ByteBuffer) {
        guard more.readableBytes > 0 else { return }
        hasBegun = true
        taken += more.readableBytes
        input.append(arrived: more)
        if state != CCD_BAD { state = CCD_FULL }
    }

    /// The next piece of what it stands for; nil where there is none before it is given more.
    ///
    /// A few octets may stand for very many: who shares a thread with others asks for so many pieces at a time.
    ///
    /// - Returns: at most `ReflectionLimits.piece` octets.
    /// - Throws: `DecodingFault` where it is not coded so, or stands for too much.
    package func next() throws(DecodingFault) -> ByteBuffer? {
        while state == CCD_FULL {
            var output = ByteBufferAllocator().buffer(capacity: ReflectionLimits.piece)
            let before = input.readableBytes
            state = step(&input, &output)
            guard output.readableBytes > 0 else {
                guard state != CCD_FULL || input.readableBytes < before else { throw .malformed }
                continue
            }
            made += output.readableBytes
            let ratio = ReflectionLimits.ratio
            guard made <= ReflectionLimits.unmeasured || made / ratio < taken else { throw .tooLarge }
            return output.fitted()
        }
        guard state != CCD_BAD else { throw .malformed }
        input.releaseIfRead()
        return nil
    }

    /// Reads on; what it stands for, in pieces.
    package func decode(
        _ input: ByteBuffer,
        _ use: (ByteBuffer) throws(DecodingFault) -> Void
    ) throws(DecodingFault) {
        give(input)
        while let piece = try next() { try use(piece) }
    }

    /// The stream is over; a fault when it is not complete.
    package func finish() throws(DecodingFault) {
        guard state == CCD_DONE || !hasBegun else { throw .incomplete }
    }

    private func step(_ input: inout ByteBuffer, _ output: inout ByteBuffer) -> ccd_state {
        var taken = 0
        var made = 0
        var state = CCD_BAD
        unsafe input.withUnsafeReadableBytes { source in
            let source = unsafe source.bindMemory(to: UInt8.self)
            unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: ReflectionLimits.piece) {
                target in
                let target = unsafe target.bindMemory(to: UInt8.self)
                unsafe state = ccd_step(
                    decoder,
                    source.baseAddress,
                    source.count,
                    &taken,
                    target.baseAddress,
                    target.count,
                    &made
                )
                return made
            }
        }
        input.moveReaderIndex(forwardBy: taken)
        return state
    }
}
