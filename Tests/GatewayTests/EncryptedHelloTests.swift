import Foundation
import Gateway
import Model
import Policy
import Testing

/// A `tls` rule checks the server name that a ClientHello shows; one that hides another inside is refused.
@Suite struct EncryptedHelloTests {
    /// A ClientHello (RFC 8446 section 4.1.2) for `allowed.test`, with further extensions as type and body.
    private func hello(_ further: [(UInt16, [UInt8])] = []) -> [UInt8] {
        func sized(_ bytes: [UInt8], _ width: Int) -> [UInt8] {
            (0..<width).map { UInt8(truncatingIfNeeded: bytes.count >> (8 * (width - 1 - $0))) } + bytes
        }
        func word(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)] }
        let name: [UInt8] = sized([0] + sized(Array("allowed.test".utf8), 2), 2)
        let extensions = ([(0, name)] + further).flatMap { word($0.0) + sized($0.1, 2) }
        let random = [UInt8](repeating: 7, count: 32)
        let body: [UInt8] = [3, 3] + random + [0] + sized([0x13, 0x01], 2) + [1, 0] + sized(extensions, 2)
        return [22, 3, 1] + sized([1] + sized(body, 3), 2)
    }

    /// What an upstream that answers every connection with a banner lets the client hear.
    private func heard(_ hello: [UInt8]) throws -> (bytes: [UInt8]?, records: [RequestRecord]) {
        let server = try Banner("hello yourself")
        let house = try House([rule(.tls, "allowed.test", server.port, allow: ["connect"])])
        try house.capture("allowed.test", server.port)
        let client = try RawClient(port: house.port)
        client.send(hello)
        let bytes = client.receive()
        _ = house.recorder.first { _ in true }
        return (bytes, house.recorder.records)
    }

    @Test func `A plain ClientHello under a tls rule is forwarded`() throws {
        #expect(try heard(hello()).bytes == Array("hello yourself".utf8))
    }

    @Test(arguments: [0xFE0D, 0xFFCE] as [UInt16])
    func `N22 a ClientHello with an encrypted one inside is refused and recorded`(type: UInt16) throws {
        let outcome = try heard(hello([(type, [0, 1, 2, 3])]))
        #expect(outcome.bytes == nil)
        #expect(outcome.records.map(\.verdict) == [.deny])
        #expect(outcome.records.first?.reason == .unsupported)
    }
}
