import Foundation
import Glibc
import Testing

/// An Internet without an uplink: a network and mount namespace with public, private and metadata addresses on its
/// loopback, a name server that logs every query, nginx, and sinks that must stay dry.
///
/// `allowed.test` is nginx at 93.184.216.34, `denied.test` a sink at 93.184.216.66; see `program` for the rest.
final class Internet: Sendable {
    let folder: String
    /// The authority that signed nginx's certificates.
    let authority: String
    private let process: Process
    private let input: FileHandle
    private let output: FileHandle

    /// Making it needs the right to mount and to configure a network.
    static let available = geteuid() == 0

    private static let shared = Result { try Internet() }

    /// Started once for all tests; it ends with the test process by its own standard input's end.
    static func started() throws -> Internet { try shared.get() }

    private init() throws {
        let servers = try Servers.started()
        authority = servers.folder + "/ca.pem"
        folder = servers.folder + "/internet"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Self.program.write(toFile: folder + "/internet.py", atomically: true, encoding: .utf8)
        process = Process()
        process.executableURL = URL(filePath: "/usr/bin/unshare")
        process.arguments = ["-n", "-m", "/usr/bin/python3", folder + "/internet.py", folder, servers.folder]
        let pipes = (Pipe(), Pipe())
        process.standardInput = pipes.0
        process.standardOutput = pipes.1
        input = pipes.0.fileHandleForWriting
        output = pipes.1.fileHandleForReading
        try process.run()
        try #require(line() == "ready")
    }

    /// A command line that runs another one there.
    func enter(_ argv: [String], directory: String) -> [String] {
        [
            "nsenter", "-t", "\(process.processIdentifier)", "-n", "-m", "sh", "-c",
            "cd \"$0\" && exec \"$@\"", directory,
        ]
            + argv
    }

    /// What arrived since the last call: at the sinks, and at the name server.
    func arrivals() throws -> Arrivals {
        try input.write(contentsOf: Data("sync\n".utf8))
        return try JSONDecoder().decode(Arrivals.self, from: Data(#require(line()).utf8))
    }

    /// How many requests nginx has answered whose line holds a text.
    func requests(with text: String) throws -> Int {
        // nginx writes a line after its answer was sent.
        try input.write(contentsOf: Data("logged\n".utf8))
        try #require(line() == "logged")
        let log = (try? String(contentsOfFile: folder + "/access.log", encoding: .utf8)) ?? ""
        return log.split(separator: "\n").count { $0.contains(text) }
    }

    private func line() -> String? {
        var bytes = Data()
        while let next = try? output.read(upToCount: 1), let byte = next.first {
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
        return nil
    }

    /// What the sinks and the name server saw.
    struct Arrivals: Decodable {
        /// `connection to ADDRESS PORT`, `N bytes to ADDRESS PORT`, `datagram to ADDRESS PORT`.
        let sink: [String]
        let queries: [String]
    }
}

/// One script that was run inside or outside an enclosure, and what of it arrived.
struct Attempt: CustomStringConvertible {
    let outcome: Outcome
    let sink: [String]
    let queries: [String]
    /// The requests that Bailey recorded.
    let records: [RequestLine]

    var output: String { outcome.output }
    var description: String { "\(outcome)\nsink: \(sink)\nqueries: \(queries)\n\(records)" }

    /// The reason of the 403 or other JSON answer that the script printed.
    var denial: Denial? { Denial.first(in: outcome.output) }

    var denied: [RequestLine] { records.filter { $0.verdict == "deny" } }
}

extension Place {
    /// The policy P0 of the corpus.
    static let corpusPolicy = """
        extends: [base]
        egress:
          - {to: "https://allowed.test", allow: ["GET /v1/**", "POST /v1/**"]}
          - {to: "http://allowed.test", allow: ["* /**"]}

        """

    /// Runs a script as an agent on that Internet, with nothing arrived or recorded before.
    func attempt(_ script: String, profile: String = corpusPolicy, in internet: Internet) throws -> Attempt {
        try self.profile("corpus", profile)
        try write("bailey: 1\nupstream-ca: \(internet.authority)\n", to: configuration + "/bailey.yaml")
        let before = try records().count
        _ = try internet.arrivals()
        let argv = [Binary.path, "run", "-p", "corpus", "--profiles", profiles, "--", "sh", "-c", script]
        let outcome = try Command.run(
            internet.enter(argv, directory: workspace),
            environment: environment,
            directory: workspace
        )
        let arrived = try internet.arrivals()
        let records = try Array(records().dropFirst(before))
        return Attempt(outcome: outcome, sink: arrived.sink, queries: arrived.queries, records: records)
    }

    /// The same script on that Internet without Bailey: the positive control.
    func unconfined(_ script: String, in internet: Internet) throws -> Attempt {
        _ = try internet.arrivals()
        let outcome = try Command.run(
            internet.enter(["sh", "-c", script], directory: workspace),
            environment: environment,
            directory: workspace
        )
        let arrived = try internet.arrivals()
        return Attempt(outcome: outcome, sink: arrived.sink, queries: arrived.queries, records: [])
    }
}
