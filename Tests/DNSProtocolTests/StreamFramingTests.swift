import DNSProtocol
import Testing

struct StreamFramingTests {
    @Test(arguments: [1, 2, 3, 54, 1000])
    func `B04: queries of dig over TCP are cut out of any segments`(cut: Int) throws {
        var framing = DNSStreamFraming()
        var messages: [[UInt8]] = []
        let stream = Captured.stream + Captured.stream
        for start in stride(from: 0, to: stream.count, by: cut) {
            messages += try framing.received(stream[start..<min(start + cut, stream.count)])
        }
        #expect(messages == [Array(Captured.stream.dropFirst(2)), Array(Captured.stream.dropFirst(2))])
    }

    @Test(arguments: [[0, 0], [0, 11], [0x04, 0xD1], [0xFF, 0xFF]] as [[UInt8]])
    func `A length that no query has ends the stream`(length: [UInt8]) {
        var framing = DNSStreamFraming()
        #expect(throws: DNSFault.unanswerable) { try framing.received(length) }
    }

    @Test func `A response has its length in front`() {
        #expect(DNSStreamFraming.framed([1, 2, 3]) == [0, 3, 1, 2, 3])
        #expect(DNSStreamFraming.framed([UInt8](repeating: 0, count: 65_536)) == nil)
    }
}
