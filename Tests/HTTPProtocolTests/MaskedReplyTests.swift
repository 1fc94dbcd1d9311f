import Model
import NIOHTTP1
import Testing
import Wire

struct MaskedReplyTests {
    private static let mail = "{\"m\": \"bob@example.org\"}"
    private static let masked = "{\"m\": \"xxx@xxxxxxx.xxx\"}"

    private static func play(
        _ request: String = StateMachineTests.get,
        _ masks: MaskKinds = [.email, .iban]
    ) throws -> Playbook {
        let play = try Playbook(decide: { _ in .allowed(injection: nil, masks: masks) })
        try play.client(request)
        return play
    }

    @Test(arguments: [1, 2, 3, 7, 1000])
    func `What the rule names is masked in a body of known length, and counted once at its end`(
        cut: Int
    ) throws {
        let play = try Self.play()
        let length = "Content-Length: \(Self.mail.utf8.count * 2)"
        try play.upstream(
            lines("HTTP/1.1 200 OK", "Content-Type: application/json", length, body: Self.mail + Self.mail),
            cut: cut
        )
        #expect(play.toClient.hasSuffix("\r\n\r\n" + Self.masked + Self.masked))
        #expect(play.toClient.contains("content-length: \(Self.mail.utf8.count * 2)\r\n"))
        #expect(play.counted == [[.email: 2]])
        #expect(play.finished == 1)
    }

    @Test(arguments: [
        "application/problem+json; charset=utf-8", "text/event-stream", "", "TEXT/HTML",
        "application/xhtml+xml",
    ])
    func `Text of any kind is masked, also without a type`(type: String) throws {
        let play = try Self.play()
        let field = type.isEmpty ? "X: 1" : "Content-Type: \(type)"
        try play.upstream(
            lines("HTTP/1.1 200 OK", field, "Content-Length: \(Self.mail.utf8.count)", body: Self.mail)
        )
        #expect(play.toClient.hasSuffix(Self.masked))
    }

    @Test(arguments: [
        ("application/zip", "is application/zip, which cannot be masked"), ("image/png", "is image/png"),
        ("application/grpc", "is application/grpc"),
        ("text/plain; charset=\"UTF-16\"", "has the charset utf-16"),
        ("text/plain; charset=utf-8; charset=utf-16", "has the charset utf-16"),
        ("text/plain; charset=ibm037", "has the charset ibm037"),
        ("application/json\r\nContent-Type: image/png", "has several Content-Type fields"),
    ])
    func `A body that cannot be masked is refused, with what to do`(type: String, said: String) throws {
        let play = try Self.play()
        try play.upstream(lines("HTTP/1.1 200 OK", "Content-Type: \(type)", "Content-Length: 3", body: "a@b"))
        #expect(play.statuses == [502])
        #expect(play.toClient.contains(said), "\(play.toClient)")
        #expect(play.refused.map(\.reason) == [.upstreamFailed])
    }

    @Test(arguments: [1, 4, 1000])
    func `Text with octets of zero, as UTF-16 without a label, is refused before any of them goes on`(
        cut: Int
    )
        throws
    {
        let little: [UInt8] = Self.mail.utf8.flatMap { [$0, 0] }
        let big: [UInt8] = [0xFE, 0xFF] + Self.mail.utf8.flatMap { [0, $0] }
        for wide in [little, big] {
            let play = try Self.play()
            try play.upstream(
                lines("HTTP/1.1 200 OK", "Content-Type: application/json", "Content-Length: \(wide.count)")
            )
            for start in stride(from: 0, to: wide.count, by: cut) {
                try play.upstream(octets: Array(wide[start..<min(wide.count, start + cut)]))
            }
            #expect(play.refused.map(\.reason) == [.upstreamFailed])
            #expect(play.refused.first?.message.contains("octets of zero") == true, "\(play.refused)")
            #expect(play.octetsToClient.suffix(8).allSatisfy { $0 != 0 } && !play.toClient.contains("bob"))
        }
    }

    @Test(arguments: ["204 No Content", "304 Not Modified", "200 OK\r\nContent-Length: 0"])
    func `Where there is no body its type is nobody's matter`(status: String) throws {
        let play = try Self.play()
        try play.upstream(lines("HTTP/1.1 \(status)", "Content-Type: image/png"))
        #expect(play.toClient.contains("image/png"))
        #expect(play.counted.isEmpty && play.refused.isEmpty)
    }

    @Test func `No range is asked for, and no coding that cannot be undone`() throws {
        let play = try Self.play(
            lines("GET / HTTP/1.1", "Host: allowed.test", "Range: bytes=1-1", "Accept-Encoding: gzip, dcb")
        )
        #expect(play.toUpstream.contains("accept-encoding: gzip\r\n"))
        #expect(!play.toUpstream.lowercased().contains("range"))
    }

    @Test func `A reply that breaks off has what was masked on record`() throws {
        let play = try Self.play()
        try play.upstream(lines("HTTP/1.1 200 OK", "Content-Length: 1000", body: Self.mail + "\n"))
        #expect(play.counted.isEmpty)
        try play.upstreamEnds()
        #expect(play.counted == [[.email: 1]])
        #expect(play.isClosed)
    }

    @Test func `What a rule does not mask passes as it is`() throws {
        let play = try Self.play(StateMachineTests.get, [])
        try play.upstream(
            lines("HTTP/1.1 200 OK", "Content-Type: image/png", "Content-Length: 7", body: "a@b.org")
        )
        #expect(play.toClient.hasSuffix("a@b.org"))
    }
}
