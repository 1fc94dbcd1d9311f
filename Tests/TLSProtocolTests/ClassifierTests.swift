import TLSProtocol
import Testing
import Wire

struct ClassifierTests {
    @Test func `A prefix of a hello needs more, six octets settle it`() {
        for count in 0..<TLSLimits.classified {
            let expected = Classification.needsMore(atMost: TLSLimits.classified - count)
            #expect(TLSClassifier.classify(Captured.curl.prefix(count)) == expected)
        }
        #expect(TLSClassifier.classify(Captured.curl.prefix(TLSLimits.classified)) == .match)
    }

    @Test(
        arguments: [
            Array("GET / ".utf8), Array("SSH-2.0-".utf8), [22, 2], [22, 3, 9], [22, 3, 1, 0x50],
            [22, 3, 1, 0, 5, 2],
            [0x80, 0x2E, 1, 3, 1], [0],
        ] as [[UInt8]]
    )
    func `C22: other protocols do not match`(bytes: [UInt8]) {
        #expect(TLSClassifier.classify(bytes) == .noMatch)
    }
}
