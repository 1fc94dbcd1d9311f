import HTTPProtocol
import Model
import Testing

struct ProxyPortTests {
    @Test func `An absolute-form request is asked about by its own host and forwarded in origin form`() throws
    {
        let play = try Playbook(.proxyPort, port: 3128)
        try play.client(lines("GET http://Allowed.test/v1?q HTTP/1.1", "Host: allowed.test"))
        #expect(play.asked.map(\.description) == ["GET http://allowed.test/v1"])
        #expect(play.toUpstream == "GET /v1?q HTTP/1.1\r\nhost: allowed.test\r\n\r\n")
        try play.upstream(StateMachineTests.ok)
        try play.client(lines("GET http://other.test:8080 HTTP/1.1", "Host: other.test:8080"))
        #expect(play.asked.map(\.endpoint.description) == ["http://allowed.test", "http://other.test:8080"])
    }

    @Test(arguments: [
        ("allowed.test:443", "tcp://allowed.test:443"), ("93.184.216.34:22", "tcp://93.184.216.34:22"),
        ("[2606:2800::10]:443", "tcp://[2606:2800::10]:443"),
    ])
    func `CONNECT hands the rest of the connection over, without asking or dialling`(
        target: String,
        endpoint: String
    ) throws {
        let play = try Playbook(.proxyPort, port: 3128)
        try play.client(lines("CONNECT \(target) HTTP/1.1", "Host: \(target)"))
        #expect(play.toClient == "HTTP/1.1 200 OK\r\n\r\n")
        #expect(play.tunnel?.description == endpoint)
        #expect(play.asked.isEmpty)
    }

    @Test func `HTTP/1.0 needs no Host where the target says which it is`() throws {
        let play = try Playbook(.proxyPort, port: 3128)
        try play.client("CONNECT allowed.test:443 HTTP/1.0\r\n\r\n")
        #expect(play.toClient == "HTTP/1.1 200 OK\r\n\r\n")
        #expect(play.tunnel?.description == "tcp://allowed.test:443")
        let other = try Playbook(.proxyPort, port: 3128)
        try other.client("GET http://allowed.test/v1 HTTP/1.0\r\n\r\n")
        #expect(other.asked.map(\.description) == ["GET http://allowed.test/v1"])
    }

    @Test(arguments: [
        Refusal("CONNECT without Host", 400, "CONNECT allowed.test:443 HTTP/1.1\r\n\r\n"),
        Refusal("origin form, HTTP/1.0", 400, "GET /v1 HTTP/1.0\r\n\r\n"),
        Refusal("origin form", 400, lines("GET /v1 HTTP/1.1", "Host: allowed.test")),
        Refusal("https in the clear", 421, lines("GET https://allowed.test/ HTTP/1.1", "Host: allowed.test")),
        Refusal("C08", 400, lines("GET http://allowed.test/ HTTP/1.1", "Host: denied.test")),
        Refusal("C08 port", 400, lines("GET http://allowed.test/ HTTP/1.1", "Host: allowed.test:8080")),
        Refusal("CONNECT without port", 400, lines("CONNECT allowed.test HTTP/1.1", "Host: allowed.test")),
        Refusal(
            "CONNECT against Host",
            421,
            lines("CONNECT allowed.test:443 HTTP/1.1", "Host: denied.test:443")
        ),
        Refusal("C17", 400, "CONNECT denied.test\0.allowed.test:443 HTTP/1.1\r\nHost: allowed.test\r\n\r\n"),
        Refusal("C21", 400, lines("CONNECT 2852039166:443 HTTP/1.1", "Host: 2852039166:443")),
        Refusal("C21 hexadecimal", 400, lines("CONNECT 0xa9fea9fe:443 HTTP/1.1", "Host: 0xa9fea9fe:443")),
        Refusal("A09 zone", 400, lines("GET http://[fe80::1%25eth0]/ HTTP/1.1", "Host: [fe80::1%25eth0]")),
        Refusal(
            "CONNECT with length",
            400,
            lines("CONNECT a.test:443 HTTP/1.1", "Host: a.test:443", "Content-Length: 1")
        ),
    ])
    func `Refused on the proxy port`(refusal: Refusal) throws {
        let play = try Playbook(.proxyPort, port: 3128)
        try play.client(refusal.request)
        #expect(play.statuses == [refusal.status])
        #expect(play.tunnel == nil)
        #expect(play.asked.isEmpty)
        #expect(play.isClosed)
    }
}
