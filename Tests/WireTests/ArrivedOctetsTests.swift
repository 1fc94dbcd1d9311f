import NIOCore
import TestSupport
import Testing
import Wire

struct ArrivedOctetsTests {
    @Test func `What waits comes before what has arrived`() {
        var waiting = ByteBuffer(string: "xab")
        waiting.moveReaderIndex(forwardBy: 1)
        waiting.append(arrived: ByteBuffer(string: "cd"))
        #expect(String(buffer: waiting) == "abcd")
    }

    @Test func `Of a buffer that was read to its end nothing is held, and of another all that waits`() {
        var arrived = ByteBuffer(string: "abc")
        var waiting = ByteBuffer()
        waiting.append(arrived: arrived)
        waiting.moveReaderIndex(forwardBy: 2)
        waiting.releaseIfRead()
        #expect(String(buffer: waiting) == "c")
        let isHeld = arrived.writesToCopy()
        #expect(isHeld)
        arrived = ByteBuffer(string: "abc")
        waiting.moveReaderIndex(forwardBy: 1)
        waiting.append(arrived: arrived)
        waiting.moveReaderIndex(forwardBy: 3)
        waiting.releaseIfRead()
        #expect(waiting.readableBytes == 0)
        let isStillHeld = arrived.writesToCopy()
        #expect(!isStillHeld)
    }
}
