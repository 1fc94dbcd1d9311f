internal import CCodings
package import NIOCore

/// Undoes one content coding of one stream, in constant memory: zlib's window of 32 KiB, brotli's of at most 16 MiB,
/// zstd's of at most 8 MiB.
@safe package final class ContentDecoder {
    private let decoder: OpaquePointer
    private var hasBegun = false
    private var isWhole = false
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

    /// Reads on; what it stands for, in pieces.
    package func decode(
        _ input: ByteBuffer,
        _ use: (ByteBuffer) throws(DecodingFault) -> Void
    ) throws(DecodingFault) {
        var input = input
        guard input.readableBytes > 0 else { return }
        hasBegun = true
        taken += input.readableBytes
        var state = CCD_FULL
        while state == CCD_FULL {
            var output = ByteBufferAllocator().buffer(capacity: ReflectionLimits.piece)
            let before = input.readableBytes
            state = step(&input, &output)
            if output.readableBytes > 0 {
                made += output.readableBytes
                let ratio = ReflectionLimits.ratio
                guard made <= ReflectionLimits.unmeasured || made / ratio < taken else { throw .tooLarge }
                try use(output)
            } else if state == CCD_FULL, input.readableBytes == before {
                throw .malformed
            }
        }
        guard state != CCD_BAD else { throw .malformed }
        isWhole = state == CCD_DONE
    }

    /// The stream is over; a fault when it is not complete.
    package func finish() throws(DecodingFault) {
        guard isWhole || !hasBegun else { throw .incomplete }
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
