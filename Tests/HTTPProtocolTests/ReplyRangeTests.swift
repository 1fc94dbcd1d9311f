import HTTPProtocol
import Model
import Testing
import Wire

/// Pieces of a reply, which a search for what a host was sent does not see through.
struct ReplyRangeTests {
    @Test(arguments: ["Range", "If-Range", "Request-Range", "X-MS-Range", "X-Range"])
    func
        `F11: whatever a client says of its own signature, and whatever the field is called, no piece is asked for`(
            name: String
        ) throws
    {
        let injection = Injection(.field("x-api-key"), value: ReplySearchTests.secret)
        let request = lines(
            "GET /k HTTP/1.1",
            "Host: allowed.test",
            "Authorization: AWS4-HMAC-SHA256 Credential=x/20250101/us-east-1/s3/aws4_request",
            "\(name): bytes=3-3"
        )
        let play = try CredentialsTests.play(.allowed(injection: injection))
        try play.client(request)
        #expect(
            !play.toUpstream.lowercased().contains("range") && play.toUpstream.contains("/s3/aws4_request")
        )
        let control = try CredentialsTests.play(.allowed(injection: nil))
        try control.client(request)
        #expect(control.toUpstream.contains("\(name): bytes=3-3"), "the control: \(control.toUpstream)")
    }

    @Test(arguments: [
        ("206 Partial Content", "text/plain"), ("200 OK", "Multipart/Byteranges; boundary=b"),
        ("200 OK", "multipart/x-byteranges; boundary=b"),
    ])
    func `F11: a piece that comes all the same is not passed on`(status: String, type: String) throws {
        let reply = lines("HTTP/1.1 \(status)", "Content-Type: \(type)", "Content-Length: 1", body: "s")
        let play = try CredentialsTests.play()
        try play.client(StateMachineTests.get)
        try play.upstream(reply)
        #expect(
            play.statuses == [502] && play.toClient.contains("is a range of something"),
            "\(play.toClient)"
        )
        let control = try CredentialsTests.play(.allowed(injection: nil))
        try control.client(StateMachineTests.get)
        try control.upstream(reply)
        #expect(control.toClient.hasSuffix("\r\n\r\ns"), "the control: \(control.toClient)")
    }

    @Test func `What is put at a place of a page blob is still put there`() throws {
        let injection = Injection(.field("x-api-key"), value: ReplySearchTests.secret)
        for (method, isKept) in [("PUT", true), ("GET", false)] {
            let play = try CredentialsTests.play(.allowed(injection: injection))
            try play.client(
                lines(
                    "\(method) /k HTTP/1.1",
                    "Host: allowed.test",
                    "X-MS-Range: bytes=0-511",
                    "Range: bytes=0-1"
                )
            )
            #expect(play.toUpstream.contains("X-MS-Range: bytes=0-511") == isKept, "\(play.toUpstream)")
            #expect(!play.toUpstream.contains("\r\nRange:"))
        }
    }
}
