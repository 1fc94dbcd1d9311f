import Foundation
import Model
import Policy
import Testing

/// The way of a connection with a real client and a real server.
@Suite struct MainPathTests {
    @Test func `A02 a captured plain request to an allowed path arrives, and one record says so`() throws {
        let nginx = try Nginx()
        let house = try House([web(.http, "allowed.test", nginx.plain)])
        try house.capture("allowed.test", nginx.plain)
        let got = try house.curl(["http://allowed.test:\(nginx.plain)/v1/x"])
        #expect(got.status == 0, "\(got.errors)")
        #expect(got.output == "hello GET /v1/x auth=\n")
        #expect(house.recorder.records.map(\.verdict) == [.allow])
        #expect(house.recorder.records.first?.action == "GET /v1/x")
        #expect(house.recorder.records.first?.resource == "http://allowed.test:\(nginx.plain)")
    }

    @Test func `A captured plain request to another path is refused with 403 and a JSON reason`() throws {
        let nginx = try Nginx()
        let house = try House([web(.http, "allowed.test", nginx.plain)])
        try house.capture("allowed.test", nginx.plain)
        let got = try house.curl(["-i", "http://allowed.test:\(nginx.plain)/admin"])
        #expect(got.output.hasPrefix("HTTP/1.1 403 "))
        let body = try #require(got.output.components(separatedBy: "\r\n\r\n").last)
        let json = try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
        #expect(json?["reason"] as? String == "no-rule")
        #expect(json?["agent"] as? String == "0badcafe.1")
        #expect(json?["how_to_ask"] is String)
        #expect(nginx.accessLog.isEmpty)
        #expect(house.recorder.records.map(\.verdict) == [.deny])
    }

    @Test func `A02 an intercepted request to an allowed path arrives over verified TLS`() throws {
        let nginx = try Nginx()
        let house = try House([web(.https, "allowed.test", nginx.secure)])
        try house.capture("allowed.test", nginx.secure)
        let got = try house.curl(["https://allowed.test:\(nginx.secure)/v1/x"])
        #expect(got.status == 0, "\(got.errors)")
        #expect(got.output == "hello GET /v1/x auth=\n")
        #expect(house.recorder.records.map(\.verdict) == [.allow])
    }

    @Test func `An intercepted request to another path is refused inside TLS`() throws {
        let nginx = try Nginx()
        let house = try House([web(.https, "allowed.test", nginx.secure)])
        try house.capture("allowed.test", nginx.secure)
        let got = try house.curl(["-w", "%{http_code}", "https://allowed.test:\(nginx.secure)/admin"])
        #expect(got.output.hasSuffix("403"), "\(got.errors)")
        #expect(nginx.accessLog.isEmpty)
    }

    @Test func `CONNECT and absolute-form requests through the proxy port are decided like captured ones`()
        throws
    {
        let nginx = try Nginx()
        let house = try House([
            web(.https, "allowed.test", nginx.secure), web(.http, "allowed.test", nginx.plain),
        ])
        let tunnelled = try house.proxied(["https://allowed.test:\(nginx.secure)/v1/t"])
        #expect(tunnelled.output == "hello GET /v1/t auth=\n", "\(tunnelled.errors)")
        let absolute = try house.proxied(["http://allowed.test:\(nginx.plain)/v1/a"])
        #expect(absolute.output == "hello GET /v1/a auth=\n", "\(absolute.errors)")
        let refused = try house.proxied(["-w", "%{http_code}", "https://allowed.test:\(nginx.secure)/no"])
        #expect(refused.output.hasSuffix("403"), "\(refused.errors)")
    }
}
