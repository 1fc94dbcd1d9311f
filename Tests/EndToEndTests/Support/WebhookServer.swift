import Foundation
import Testing

/// A receiver of webhooks: checks each signature with Python's own hmac, as Standard Webhooks has it, and keeps what came.
///
/// `/hook` takes everything, `/flaky` the third time of each message, `/gone` nothing ever, `/hang` answers after a minute.
final class WebhookServer: Sendable {
    static let secret = "0123456789abcdef0123456789abcdef"

    struct Post: Decodable {
        let path: String
        let good: Bool
        let id: String
        let body: String
    }

    private let server: PythonServer
    var port: UInt16 { server.port }

    init() throws {
        server = try PythonServer("hooks-\(UInt32.random(in: 0...UInt32.max))", Self.program)
    }

    /// What came, once there is so much, or a bound is over.
    func posts(_ count: Int) throws -> [Post] {
        try server.lines(with: "{", count: count).filter { $0.hasSuffix("}") }.map {
            try JSONDecoder().decode(Post.self, from: Data($0.utf8))
        }
    }

    private static let program = #"""
        import base64, hashlib, hmac, http.server, json, time
        seen = {}
        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *words): pass
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                name, moment = self.headers["webhook-id"], self.headers["webhook-timestamp"]
                text = ("%s.%s." % (name, moment)).encode() + body
                code = hmac.new(b"0123456789abcdef0123456789abcdef", text, hashlib.sha256).digest()
                good = hmac.compare_digest("v1," + base64.b64encode(code).decode(), self.headers["webhook-signature"])
                good = good and abs(time.time() - int(moment)) < 300
                seen[name] = seen.get(name, 0) + 1
                line = {"path": self.path, "good": good, "id": name, "body": body.decode()}
                # At once: whoever reads the log meanwhile is not to see half of a line.
                os.write(log.fileno(), (json.dumps(line) + "\n").encode())
                if self.path == "/hang": time.sleep(60)
                status = 503 if self.path == "/flaky" and seen[name] < 3 else 410 if self.path == "/gone" else 204
                self.send_response(status)
                self.end_headers()
        http.server.ThreadingHTTPServer(("127.0.0.1", ports[0]), Handler).serve_forever()
        """#
}

/// What a webhook's message says.
struct WebhookMessage: Decodable {
    struct Request: Decodable {
        let id: String
        let agent: String
        let action: String
        let digest: String
        let preview: String
        let command: [String]
    }
    struct Links: Decodable {
        let approve: String
        let deny: String
    }
    struct Other: Decodable {
        let id: String
        let action: String
        let digest: String
        let links: Links?
    }
    struct Content: Decodable {
        let request: Request
        let ids: [String]
        let links: Links?
        let others: [Other]
    }
    let type: String
    let data: Content

    init(_ post: WebhookServer.Post) throws {
        self = try JSONDecoder().decode(WebhookMessage.self, from: Data(post.body.utf8))
    }
}

/// What a webhook is told of the end of questions.
struct WebhookEnd: Decodable {
    struct Ended: Decodable {
        let id: String
        let outcome: String
        let by: String?
        let via: String?
        let reason: String?
        let life: String?
    }
    struct Content: Decodable {
        let agent: String
        let ended: [Ended]
    }
    let type: String
    let data: Content

    init(_ post: WebhookServer.Post) throws {
        self = try JSONDecoder().decode(WebhookEnd.self, from: Data(post.body.utf8))
    }
}
