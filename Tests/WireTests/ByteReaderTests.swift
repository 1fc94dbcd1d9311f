import Testing
import Wire

struct ByteReaderTests {
    @Test func `Integers and vectors are read in network order to the last octet`() {
        var reader = ByteReader([1, 0, 2, 0, 0, 3, 0, 0, 0, 4, 2, 9, 8, 0, 1, 7])
        #expect(reader.uint8() == 1)
        #expect(reader.uint16() == 2)
        #expect(reader.uint24() == 3)
        #expect(reader.uint32() == 4)
        #expect(reader.vector8().map(Array.init) == [9, 8])
        #expect(reader.vector16().map(Array.init) == [7])
        #expect(reader.isAtEnd)
        #expect(reader.consumed == 16)
    }

    @Test func `Nothing is read past the end`() {
        var reader = ByteReader([5, 1][...])
        #expect(reader.uint24() == nil)
        #expect(reader.uint32() == nil)
        #expect(reader.take(3) == nil)
        #expect(reader.take(-1) == nil)
        #expect(reader.remaining == 2)
        #expect(reader.vector8() == nil)
        #expect(reader.uint16() == nil)
    }
}
