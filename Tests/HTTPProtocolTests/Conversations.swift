/// Requests and replies that are damaged, and what is put into them.
enum Conversations {
    static let requests = [
        lines("GET /v1/../x?y=%2e HTTP/1.1", "Host: allowed.test", "Accept: */*", "Connection: keep-alive"),
        lines("POST /a HTTP/1.1", "Host: allowed.test", "Content-Length: 5", body: "hello"),
        lines(
            "POST /a HTTP/1.1",
            "Host: allowed.test",
            "Transfer-Encoding: chunked",
            body: "5\r\nhello\r\n0\r\nX: y\r\n\r\n"
        ),
        lines(
            "POST /x.git/git-receive-pack HTTP/1.1",
            "Host: allowed.test",
            "Content-Length: 8",
            "Content-Type: application/x-git-receive-pack-request",
            body: "0000PACK"
        ),
        lines(
            "POST /m HTTP/1.1",
            "Host: allowed.test",
            "Content-Type: application/json",
            "Content-Length: 13",
            body: #"{"model":"x"}"#
        ),
        lines(
            "GET /live HTTP/1.1",
            "Host: allowed.test",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        ),
        lines(
            "PUT http://allowed.test/ HTTP/1.1",
            "Host: allowed.test",
            "Expect: 100-continue",
            "Content-Length: 1",
            body: "x"
        ),
        lines("CONNECT allowed.test:443 HTTP/1.1", "Host: allowed.test:443"),
    ]
    static let replies = [
        StateMachineTests.ok, lines("HTTP/1.1 204 No Content", "X: y"),
        lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body: "2\r\nhi\r\n0\r\nT: u\r\n\r\n"),
        lines("HTTP/1.1 200 OK", "Connection: close", body: "until the end"),
        lines("HTTP/1.1 100 Continue") + lines("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket"),
    ]
    static let words = [
        "\r\n", "\r\n\r\n", ": ", "Content-Length: 0", "Transfer-Encoding: chunked", "Host: other.test",
        "%2e%2e", "/", "..",
        "%2F", "\\", ";", " HTTP/1.1", "HTTP/1.0", "chunked", "0\r\n\r\n", "Expect: 100-continue", "GET ",
        "\t", "_",
    ]
}
