import Foundation
import TestSupport
import Testing

/// One machine of a fleet: a place with a log, and so a key, of its own, which shares its approvals by a database.
final class FleetMachine {
    let place: Place
    let key: String
    private let port: UInt16
    private let database: LogDatabase
    /// As which it writes.
    var role = LogDatabase.role.name

    /// As some user; its log has a launch already.
    init(_ database: LogDatabase, for starter: Starter = .this) throws {
        place = try Place(for: starter)
        port = try Port.free()
        self.database = database
        try place.write("bailey: 1\n", to: place.configuration + "/bailey.yaml")
        #expect(try place.agent("true").code == 0)
        let verify = try place.bailey(["audit", "verify"])
        let line = try #require(verify.lines.first { $0.hasPrefix("key ") }, "\(verify)")
        key = String(try #require(line.split(separator: " ").last))
    }

    static let names = ["alice", "games", "root"]

    /// Shares approvals with these machines; people are lines of a list, and each of `names` has a token.
    func configure(with machines: [String: String], people: [String] = []) throws {
        let roots = try String(contentsOfFile: Servers.started().folder + "/ca.pem", encoding: .utf8)
        try place.write(roots, to: "ca.pem")
        for name in Self.names {
            try place.write(ApprovalService.token(name) + "\n", to: "\(name).token", mode: 0o600)
        }
        let url = try database.url(as: role, roots: place.root + "/ca.pem")
        let settings = String(try database.settings(in: place, url).dropLast())
        let named = machines.map { "\($0): \($1)" }.joined(separator: ", ")
        let tokens = Self.names.map {
            "    - {subject: \"user:\($0)\", token: {file: \(place.root)/\($0).token}}"
        }
        // What a plain user may read lies in its own place.
        let base = try Servers.started().operatorConfiguration.split(separator: "\n").map {
            $0.hasPrefix("upstream-ca:") ? "upstream-ca: \(place.root)/ca.pem" : String($0)
        }
        let lines =
            base + [
                "audit: {postgres: \(settings), trust: [\(machines.values.joined(separator: ", "))]}}",
                "approvals:", "  listen: 127.0.0.1:\(port)",
                "  fleet: {machines: {\(named)}}", "  tokens:",
            ] + tokens + (people.isEmpty ? [] : ["  people:"] + people.map { "    - [\($0)]" })
        try place.write(
            lines.joined(separator: "\n") + "\n",
            to: place.configuration + "/bailey.yaml",
            mode: 0o600
        )
    }

    /// `bailey serve` from now on.
    func serving() throws -> RunningCommand {
        let server = try RunningCommand(
            place.starter.prefix + place.server,
            environment: place.environment,
            directory: place.root
        )
        #expect(server.awaitErrors("serving at"))
        return server
    }

    /// Ends it as a service manager does.
    func end(_ server: RunningCommand) {
        server.signal(SIGTERM)
        let outcome = server.finish()
        #expect(outcome.code == 0, "\(outcome)")
    }

    /// What waits on other machines, once it is so many.
    func held(_ count: Int) throws -> [FleetLine] {
        var lines: [FleetLine] = []
        var last: Outcome?
        let isThere = try place.awaits {
            let outcome = try place.bailey(["approvals", "list", "--fleet", "--json"])
            lines = try outcome.lines.map {
                try JSONDecoder().decode(FleetLine.self, from: Data($0.utf8))
            }
            last = outcome
            return outcome.code == 0 && lines.count == count
        }
        #expect(isThere, "\(String(describing: last))")
        return lines
    }

    /// One request to its API, with curl.
    func ask(
        _ method: String,
        _ path: String,
        as name: String,
        body: String? = nil
    ) throws -> ApprovalService.Answer {
        let outcome = try request(method, path, as: name, body: body)
        #expect(outcome.code == 0, "\(outcome)")
        let end = outcome.output.lastIndex(of: "\n") ?? outcome.output.startIndex
        return ApprovalService.Answer(
            status: String(outcome.output[end...].dropFirst()),
            body: String(outcome.output[..<end])
        )
    }

    /// The same, with its status behind the body.
    private func request(
        _ method: String,
        _ path: String,
        as name: String,
        body: String?
    ) throws -> Outcome {
        try Command.run(
            words(method, path, as: name, body: body),
            environment: place.environment,
            directory: place.root
        )
    }

    /// The same, under way.
    func requesting(_ method: String, _ path: String, as name: String) throws -> RunningCommand {
        try RunningCommand(
            words(method, path, as: name, body: nil),
            environment: place.environment,
            directory: place.root
        )
    }

    private func words(_ method: String, _ path: String, as name: String, body: String?) -> [String] {
        var words = [
            "curl", "-sS", "-m60", "-X", method, "-w", "\n%{http_code}",
            "http://127.0.0.1:\(port)\(path)",
            "-H", "Authorization: Bearer \(ApprovalService.token(name))",
        ]
        if let body { words += ["-H", "Content-Type: application/json", "--data-binary", body] }
        return words
    }

    /// Of the key of its log, by openssl: Ed25519, which takes a seed of 32 octets as RFC 8410 section 7 writes it.
    func signature(of octets: [UInt8]) throws -> [UInt8] {
        let folder = NSTemporaryDirectory() + "bailey-signed-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let header: [UInt8] = [
            0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
        ]
        let seed = try Data(contentsOf: URL(filePath: place.root + "/state/bailey/keys/audit.key"))
        try (Data(header) + seed).write(to: URL(filePath: folder + "/key.der"))
        try Data(octets).write(to: URL(filePath: folder + "/message"))
        let made = try Command.run(
            [
                "openssl", "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", "key.der", "-in",
                "message",
                "-out", "signature",
            ],
            environment: place.environment,
            directory: folder
        )
        try #require(made.code == 0, "\(made)")
        return Array(try Data(contentsOf: URL(filePath: folder + "/signature")))
    }

    /// Whether its API has a connection that is not closed on this side (proc_net_tcp(5): established, or closed by the other).
    func hasVisitors() throws -> Bool {
        let place = String(format: ":%04X", port)
        return try String(contentsOfFile: "/proc/net/tcp", encoding: .utf8).split(separator: "\n").contains {
            line in
            let fields = line.split(separator: " ")
            return fields.count > 3 && fields[1].hasSuffix(place) && ["01", "08"].contains(fields[3])
        }
    }

    /// Records of one event of `custody`: what about, and why.
    func custody(_ event: String) throws -> [String] {
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
        }.filter { $0.event == event }.map { "\($0.subject ?? ""): \($0.reason ?? "")" }
    }
}

/// One line of `bailey approvals list --fleet --json`.
struct FleetLine: Decodable {
    let id: String
    let machine: String?
    let agent: String
    let action: String
    let command: [String]
    let digest: String
    let preview: String
    let principal: String
}
