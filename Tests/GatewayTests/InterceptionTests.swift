import Foundation
import Gateway
import Model
import Policy
import Testing

/// Certificates, the upstream's and ours.
@Suite struct InterceptionTests {
    @Test(arguments: ["wrong", "self"])
    func `C40 an upstream certificate that does not hold is 502 with the reason, never signed anew`(
        certificate: String
    ) throws {
        let nginx = try Nginx(certificate: certificate)
        let house = try House([web(.https, "allowed.test", nginx.secure)])
        try house.capture("allowed.test", nginx.secure)
        let got = try house.curl(["-w", "%{http_code}", "https://allowed.test:\(nginx.secure)/v1/x"])
        #expect(got.output.hasSuffix("502"), "\(got.output) \(got.errors)")
        #expect(got.output.contains("upstream-failed"))
        #expect(nginx.accessLog.isEmpty)
        #expect(house.recorder.first { $0.reason == .upstreamFailed } != nil)
    }

    @Test
    func `C41 a leaf lives a day at most, is dated back, and every supervisor has an authority of its own`()
        throws
    {
        let (first, second) = (try House([]), try House([]))
        #expect(first.gateway.authority.certificatePEM != second.gateway.authority.certificatePEM)
        try first.capture("allowed.test", 443)
        let seen = try Program.run(
            "/bin/sh",
            [
                "-c",
                "timeout 60 openssl s_client -connect 127.0.0.1:\(first.port) -servername allowed.test -CAfile \(first.bundle)"
                    + " -verify_return_error </dev/null 2>/dev/null"
                    + " | openssl x509 -noout -dates -ext subjectAltName,basicConstraints,extendedKeyUsage -dateopt iso_8601",
            ]
        )
        #expect(seen.output.contains("DNS:allowed.test"), "\(seen.output)\(seen.errors)")
        #expect(seen.output.contains("CA:FALSE"))
        let dates = seen.output.split(separator: "\n").compactMap { line -> Date? in
            guard let mark = line.firstIndex(of: "="), line.hasPrefix("not") else { return nil }
            return ISO8601DateFormatter().date(
                from: line[line.index(after: mark)...].replacingOccurrences(of: " ", with: "T")
            )
        }
        try #require(dates.count == 2)
        #expect(dates[0] < Date(timeIntervalSinceNow: -60))
        #expect(dates[1].timeIntervalSince(dates[0]) <= 24 * 3_600)
    }

    @Test func `C05 a ClientHello that comes byte by byte is read whole`() throws {
        let nginx = try Nginx()
        let house = try House([web(.https, "allowed.test", nginx.secure)])
        try house.capture("allowed.test", nginx.secure)
        let client = try RawClient(port: house.port)
        for byte in Hello.bytes(serverName: "allowed.test") { client.send([byte]) }
        let answer = try #require(client.receive())
        // A handshake record with a ServerHello (RFC 8446 section 4).
        #expect(answer.count > 6 && answer[0] == 22 && answer[5] == 2)
    }

    @Test func `C05 a ClientHello over the bound is refused and recorded`() throws {
        let house = try House([web(.https, "allowed.test", 443)])
        try house.capture("allowed.test", 443)
        let client = try RawClient(port: house.port)
        // A message of 16 MiB announced in a record of 16 KiB.
        client.send([22, 3, 1, 0x40, 0, 1, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 70_000))
        #expect(client.receive() ?? [] == [])
        #expect(house.recorder.first { $0.reason == .malformed } != nil)
    }

    @Test func `A request to an address over TLS is intercepted with a certificate for the address`() throws {
        let nginx = try Nginx()
        let house = try House([rule(.https, "127.0.0.1", nginx.secure, allow: ["GET /v1/**"])])
        house.capture(try #require(IPAddress("127.0.0.1")), nginx.secure)
        let got = try house.curl(["https://127.0.0.1:\(nginx.secure)/v1/x"])
        #expect(got.output.hasPrefix("hello"), "\(got.output) \(got.errors)")
    }

    @Test func `Large bodies pass in both directions, byte for byte, and connections are used again`() throws
    {
        let nginx = try Nginx()
        let house = try House([rule(.https, "allowed.test", nginx.secure, allow: ["* /**"])])
        try house.capture("allowed.test", nginx.secure)
        let url = "https://allowed.test:\(nginx.secure)/big"
        let got = try house.curl([
            "-o", "/dev/null", "-o", "/dev/null", "-w", "%{size_download} %{http_code} %{num_connects}\n",
            url, url,
        ])
        #expect(got.output == "16777216 200 1\n16777216 200 0\n", "\(got.errors)")
        #expect(house.recorder.allowed.count == 2)
    }
}

/// A minimal TLS 1.2 ClientHello.
enum Hello {
    static func bytes(serverName: String) -> [UInt8] {
        let name = Array(serverName.utf8)
        let list = [0] + two(name.count) + name
        let sni = two(0) + two(list.count + 2) + two(list.count) + list
        let groups: [UInt8] = [0, 10, 0, 4, 0, 2, 0, 23]
        let signatures: [UInt8] = [0, 13, 0, 4, 0, 2, 4, 3]
        let points: [UInt8] = [0, 11, 0, 2, 1, 0]
        let extensions = sni + groups + signatures + points
        let body: [UInt8] =
            [3, 3] + [UInt8](repeating: 7, count: 32) + [0] + [0, 2, 0xC0, 0x2B] + [1, 0]
            + two(extensions.count)
            + extensions
        let message = [1, 0] + two(body.count) + body
        return [22, 3, 1] + two(message.count) + message
    }

    private static func two(_ count: Int) -> [UInt8] { [UInt8(count >> 8), UInt8(count & 0xFF)] }
}
