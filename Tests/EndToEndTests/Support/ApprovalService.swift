import Foundation
import TestSupport
import Testing

/// `bailey serve` with its API of approvals, tokens for alice and bob (user:games), and a webhook whose links answer as carol.
final class ApprovalService {
    let place: Place
    let servers: Servers
    let hooks: WebhookServer
    let port: UInt16

    /// With these terms of the rule that asks, of the profile `asking`, more lines of `approvals`, and others of `bailey.yaml`.
    init(approval: String = "wait: 120s", more: String = "", others: String = "") throws {
        place = try Place()
        place.isServed = true
        servers = try Servers.started()
        hooks = try WebhookServer()
        port = try Port.free()
        for name in ["alice", "bob"] {
            try place.write(Self.token(name) + "\n", to: "\(name).token", mode: 0o600)
        }
        try place.write(WebhookServer.secret + "\n", to: "secret", mode: 0o600)
        try place.write(
            servers.operatorConfiguration.replacing("resolve: {", with: "resolve: {admin.test: 127.0.0.1, ")
                + """

                approvals:
                  listen: 127.0.0.1:\(port)
                  tokens:
                    - {subject: "user:alice", token: {file: \(place.root)/alice.token}}
                    - {subject: "user:games", token: {file: \(place.root)/bob.token}}
                  webhooks:
                    - {url: "http://localhost:\(hooks.port)/hook", secret: {file: \(place.root)/secret}, subject: "user:carol"}
                \(more)
                \(others)

                """,
            to: place.configuration + "/bailey.yaml"
        )
        try profile(approval)
    }

    var origin: String { "https://allowed.test:\(servers.tlsPort)" }
    var url: String { "http://127.0.0.1:\(port)" }

    func profile(_ approval: String, more: String = "") throws {
        try place.write(
            """
            bailey: 1
            name: asking
            extends: [base]
            egress:
              - {to: "\(origin)", private: true, ask: ["* /a/**"], approval: {\(approval)}}
            \(more)
            """,
            to: place.configuration + "/profiles/asking.yaml"
        )
    }

    static func token(_ name: String) -> String { name + String(repeating: "0123456789", count: 4) }

    /// Serves from now on.
    func serving() throws -> RunningCommand {
        let server = try RunningCommand(place.server, environment: place.environment, directory: place.root)
        #expect(server.awaitErrors("serving at"))
        return server
    }

    /// An agent that is launched through it.
    func running(_ script: String, profile: String = "asking") throws -> RunningCommand {
        try RunningCommand(
            [place.binary, "run", "-p", profile, "--", "sh", "-c", script],
            environment: place.environment,
            directory: place.workspace
        )
    }

    /// The same that asks for one thing, and prints its status.
    func asking(_ path: String) throws -> RunningCommand {
        try running("curl -sS -m120 -o body -w '%{http_code}' \(origin)\(path)")
    }

    struct Answer: CustomStringConvertible {
        let status: String
        let body: String
        var description: String { "\(status) \(body)" }
    }

    /// One request of somebody outside, with curl.
    func ask(
        _ method: String,
        _ path: String,
        as name: String? = "alice",
        body: String? = nil,
        _ more: [String] = []
    ) throws -> Answer {
        let address = path.hasPrefix("http") ? path : url + path
        var words = ["curl", "-sS", "-m60", "-X", method, "-w", "\n%{http_code}", address]
        if method == "HEAD" { words += ["-I"] }
        if let name { words += ["-H", "Authorization: Bearer \(Self.token(name))"] }
        if let body { words += ["-H", "Content-Type: application/json", "--data-binary", body] }
        let outcome = try Command.run(words + more, environment: place.environment, directory: place.root)
        #expect(outcome.code == 0, "\(outcome)")
        let end = outcome.output.lastIndex(of: "\n") ?? outcome.output.startIndex
        return Answer(
            status: String(outcome.output[end...].dropFirst()),
            body: String(outcome.output[..<end])
        )
    }

    /// Ends it as a service manager does.
    func end(_ server: RunningCommand) {
        server.signal(SIGTERM)
        let outcome = server.finish()
        #expect(outcome.code == 0, "\(outcome)")
    }

    /// Who answered what by which way, in the order of the records.
    func answers() throws -> [String] {
        struct Line: Decodable {
            struct By: Decodable { let subject: String }
            struct Record: Decodable {
                let event: String?
                let by: By?
                let via: String?
                let reason: String?
            }
            let kind: String
            let record: Record
        }
        return try place.bailey(["audit", "--json"]).lines.map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }.filter { ["approval", "custody"].contains($0.kind) }.map { line in
            [line.record.event, line.record.by?.subject, line.record.via].compactMap(\.self).joined(
                separator: " "
            )
        }
    }

    /// Reasons of answers that changed nothing and are of no question.
    func refusals() throws -> [String] {
        struct Line: Decodable {
            struct Record: Decodable {
                let event: String?
                let reason: String?
                let subject: String?
            }
            let record: Record
        }
        return try place.bailey(["audit", "--json"]).lines.compactMap {
            try? JSONDecoder().decode(Line.self, from: Data($0.utf8)).record
        }.filter { $0.event == "answer-refused" }.map { "\($0.subject ?? ""): \($0.reason ?? "")" }
    }
}
