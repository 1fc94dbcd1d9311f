import Foundation
import Model
import Policy
import Testing

/// The real thing: a namespace whose every connection is captured, and programs that know nothing of it.
///
/// Needs CAP_SYS_ADMIN and CAP_NET_ADMIN (root), ip(8) and nft(8).
@Suite(.enabled(if: Namespace.isPossible)) struct CaptureTests {
    @Test func `A02 programs without any settings are captured, decided and served`() throws {
        let nginx = try Nginx()
        let namespace = try Namespace()
        let house = try House(
            [web(.http, "allowed.test", nginx.plain), web(.https, "allowed.test", nginx.secure)],
            namespace: namespace
        )
        let common = ["-sS", "--noproxy", "*", "--max-time", "60", "--cacert", house.bundle]
        let plain = try namespace.run("/usr/bin/curl", common + ["http://allowed.test:\(nginx.plain)/v1/x"])
        #expect(plain.output == "hello GET /v1/x auth=\n", "\(plain.errors)")
        let secure = try namespace.run(
            "/usr/bin/curl",
            common + ["https://allowed.test:\(nginx.secure)/v1/x"]
        )
        #expect(secure.output == "hello GET /v1/x auth=\n", "\(secure.errors)")
        let six = try namespace.run(
            "/usr/bin/curl",
            common + ["-6", "https://allowed.test:\(nginx.secure)/v1/six"]
        )
        #expect(six.output == "hello GET /v1/six auth=\n", "\(six.errors)")
    }

    @Test func `A01 A05 A08 whatever else they try is refused and recorded as what it was`() throws {
        let namespace = try Namespace()
        let house = try House([web(.https, "allowed.test", 443)], namespace: namespace)
        let common = [
            "-sS", "-k", "-g", "--noproxy", "*", "--max-time", "60", "-o", "/dev/null", "-w", "%{http_code}",
        ]
        let targets = [
            "https://93.184.216.66", "http://denied.test:8081", "http://[2606:2800::66]",
            "https://denied.test",
            "http://169.254.169.254",
        ]
        for target in targets {
            let got = try namespace.run("/usr/bin/curl", common + [target + "/"])
            #expect(got.output == "403", "\(target): \(got.errors)")
        }
        #expect(house.recorder.records.map(\.resource) == targets)
        #expect(house.recorder.allowed.isEmpty)
    }

    @Test func `A03 the proxy port works on the namespace's own loopback only`() throws {
        let nginx = try Nginx()
        let namespace = try Namespace()
        let house = try House([web(.http, "allowed.test", nginx.plain)], namespace: namespace)
        let url = "http://allowed.test:\(nginx.plain)/v1/p"
        let good = try namespace.run(
            "/usr/bin/curl",
            ["-sS", "--max-time", "60", "-x", "http://127.0.0.1:3128", url]
        )
        #expect(good.output == "hello GET /v1/p auth=\n", "\(good.errors)")
        let bad = try namespace.run(
            "/usr/bin/curl",
            ["-sS", "--max-time", "60", "-x", "http://93.184.216.66:3128", url]
        )
        #expect(!bad.output.hasPrefix("hello"))
        #expect(house.recorder.first { $0.verdict == .deny } != nil)
    }

    @Test func `A32 the host's loopback is not the namespace's`() throws {
        let nginx = try Nginx()
        let namespace = try Namespace()
        let house = try House([web(.http, "allowed.test", 80)], namespace: namespace)
        let got = try namespace.run(
            "/usr/bin/curl",
            ["-sS", "--max-time", "60", "http://127.0.0.1:\(nginx.plain)/"]
        )
        // 7: connection refused, by the namespace's own loopback.
        #expect(got.status == 7, "\(got.output) \(got.errors)")
        #expect(house.recorder.records.isEmpty)
    }
}
