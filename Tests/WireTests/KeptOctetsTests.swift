import NIOCore
import TestSupport
import Testing
import Wire

struct KeptOctetsTests {
    @Test(arguments: [1, 7, 1_000, 100_000, 300_000])
    func `What is kept is what came, in order, however it was cut`(cut: Int) {
        var random = SplitMix(3)
        let octets = (0..<300_000).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        let kept = KeptOctets()
        for start in stride(from: 0, to: octets.count, by: cut) {
            kept.append(ByteBuffer(bytes: octets[start..<min(start + cut, octets.count)]))
        }
        #expect(kept.count == octets.count)
        #expect(kept.pieces.flatMap(\.readableBytesView) == octets)
    }

    @Test func `Octets that come one by one in buffers of 32 KiB are kept in little more than they are`() {
        let kept = KeptOctets()
        for _ in 0..<100_000 {
            var arrived = ByteBuffer()
            arrived.reserveCapacity(32 << 10)
            arrived.writeInteger(UInt8(1))
            kept.append(arrived)
            let isHeld = arrived.writesToCopy()
            #expect(!isHeld)
        }
        #expect(kept.count == 100_000)
        #expect(kept.pieces.reduce(0) { $0 + $1.storageCapacity } <= 2 * 100_000 + KeptOctets.piece)
    }
}
