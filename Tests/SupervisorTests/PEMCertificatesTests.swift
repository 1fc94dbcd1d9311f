import Foundation
import Supervisor
import Testing

/// The host's bundle in DER, as Foundation's decoder has it.
struct PEMCertificatesTests {
    private static func block(_ body: String) -> [UInt8] {
        Array("-----BEGIN CERTIFICATE-----\n\(body)\n-----END CERTIFICATE-----\n".utf8)
    }

    @Test(arguments: 0..<100)
    func `Bytes of every length come back`(length: Int) {
        let der = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 37 + 11) }
        let body = Data(der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        let text = Array("a comment\n".utf8) + Self.block(body) + Self.block("AAEC")
        #expect(PEMCertificates.decoded(text) == [der, [0, 1, 2]])
    }

    @Test(arguments: ["A", "AAAAA", "AA=A", "AAA", "AA="])
    func `A block that is not base64 is left out`(body: String) {
        #expect(PEMCertificates.decoded(Self.block(body) + Self.block("AAEC")) == [[0, 1, 2]])
    }

    @Test func `Other blocks, and a file that ends in one, hold no certificate`() {
        let key = Array("-----BEGIN PRIVATE KEY-----\nAAEC\n-----END PRIVATE KEY-----\n".utf8)
        #expect(PEMCertificates.decoded(key + Self.block("AAEC")) == [[0, 1, 2]])
        #expect(PEMCertificates.decoded(Array("-----BEGIN CERTIFICATE-----\nAAEC".utf8)) == [[0, 1, 2]])
        #expect(PEMCertificates.decoded([]).isEmpty)
    }
}
