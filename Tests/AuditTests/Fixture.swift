import Audit
import Dispatch
import Foundation
import Glibc
import Masking
import Model
import Synchronization
import Testing

/// A state directory of its own, removed at the end.
final class StateFixture: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/bailey-audit-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func open(run: String = "0badcafe", mask: SecretMask = SecretMask()) throws -> AuditStore {
        try AuditStore.open(directory: path, run: run, mask: mask)
    }

    /// What one reader says; several, with a record each, have to say the same.
    func verify() throws -> AuditVerification {
        let alone = try AuditVerifier(directory: path, readers: 1).verify()
        let together = try AuditVerifier(directory: path, readers: 5, least: 1).verify()
        switch (alone, together) {
        // It may have grown meanwhile.
        case (.verified(let one), .verified(let other)): #expect(one.records <= other.records)
        default: #expect(alone == together)
        }
        return alone
    }

    /// The finding; nil when the store verified.
    func finding() throws -> AuditFinding? {
        if case .broken(let finding) = try verify() { finding } else { nil }
    }

    /// How many records verified; nil when the store is broken.
    func verifiedCount() throws -> Int64? {
        if case .verified(let head) = try verify() { head.records } else { nil }
    }

    /// The record that the signed head names.
    func headSequence() throws -> Int64? {
        let head = try Data(contentsOf: URL(fileURLWithPath: path + "/audit.head"))
        return Int64(String(decoding: head, as: UTF8.self).split(separator: " ")[1])
    }

    /// Milliseconds to wait for a lock: a store that nobody has any more may still be closing, on its writer's thread.
    static let patience = ["-cmd", ".timeout 60000"]

    /// Runs SQL on the store with the `sqlite3` command, as somebody who tampers with it would.
    func sqlite(_ sql: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
        process.arguments = ["-bail"] + Self.patience + [path + "/audit.sqlite", sql]
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw SQLiteCommandFailed(sql: sql) }
    }
}

extension StateFixture {
    /// What a statement prints.
    ///
    /// To a file: a pipe's other end may be inherited by a server that another test starts at that moment, and then it
    /// has no end.
    func sqliteOutput(_ sql: String) throws -> String {
        let file = path + "-output-\(UUID().uuidString)"
        try Data().write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
        process.arguments = Self.patience + [path + "/audit.sqlite", sql]
        process.standardOutput = FileHandle(forWritingAtPath: file)
        try process.run()
        process.waitUntilExit()
        let text = try String(contentsOfFile: file, encoding: .utf8)
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Replaces a file's content, and leaves its mode as the store wants it.
    func write(_ data: Data, to name: String) throws {
        let file = path + "/" + name
        try data.write(to: URL(fileURLWithPath: file))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
    }
}

struct SQLiteCommandFailed: Error { let sql: String }

/// Results of appends, counted.
final class Tally: Sendable {
    private let results = Mutex<[Result<Void, AuditFailure>]>([])

    func record(_ result: Result<Void, AuditFailure>) { results.withLock { $0.append(result) } }

    var count: Int { results.withLock { $0.count } }

    var failures: [AuditFailure] {
        results.withLock { $0.compactMap { if case .failure(let failure) = $0 { failure } else { nil } } }
    }
}

/// Entries as a supervisor makes them.
enum Sample {
    static let principal = Principal(localUser: "alice", uid: 1000)

    static func hop(_ ordinal: Int, _ name: String, run: String = "0badcafe") -> Hop {
        Hop(
            agent: AgentID(run: run, ordinal: ordinal),
            name: name,
            profile: name,
            profileDigest: String(repeating: "0", count: 64)
        )
    }

    static let root = Lineage(principal: principal, root: hop(1, "ci"))
    static let child = root.child(hop(2, "test-runner"))
    static let grandchild = child.child(hop(3, "git-client"))

    static func request(
        _ action: String = "GET /v1",
        by lineage: Lineage = child,
        resource: String = "https://api.example.com",
        exchange: UInt64? = nil,
        verdict: Effect = .allow,
        message: String = "no rule allows it"
    ) -> AuditEntry {
        .request(
            RequestRecord(
                lineage: lineage,
                action: action,
                resource: resource,
                exchange: exchange,
                verdict: verdict,
                levels: lineage.hops.map {
                    LevelVerdict(agent: $0.agent, profile: $0.profile, effect: verdict, rule: nil)
                },
                reason: verdict == .allow ? nil : .noRule,
                message: verdict == .allow ? nil : message
            )
        )
    }

    /// What befell a request that had been allowed.
    static func sequel(
        _ action: String,
        of exchange: UInt64,
        by lineage: Lineage = child,
        verdict: Effect,
        message: String
    ) -> AuditEntry {
        .request(
            RequestRecord(
                lineage: lineage,
                action: action,
                resource: "https://api.example.com",
                exchange: exchange,
                verdict: verdict,
                levels: [],
                reason: verdict == .allow ? nil : .upstreamFailed,
                message: message
            )
        )
    }

    /// A decision of the child's, with what each level said, root first.
    static func decided(
        _ action: String,
        _ effects: [Effect],
        verdict: Effect = .allow,
        approval: String? = nil,
        statement: String? = nil
    ) -> AuditEntry {
        .request(
            RequestRecord(
                lineage: child,
                action: action,
                resource: "https://api.example.com",
                statement: statement.map {
                    RecordedStatement(session: 1, text: RecordedText($0))
                },
                verdict: verdict,
                levels: zip(child.hops, effects).map { hop, effect in
                    LevelVerdict(agent: hop.agent, profile: hop.profile, effect: effect, rule: nil)
                },
                approval: approval
            )
        )
    }

    static func spawn(
        _ lineage: Lineage = child,
        argv: [String] = ["/usr/bin/env"],
        approval: String? = nil,
        ownText: Bool? = nil
    ) -> AuditEntry {
        .spawn(
            SpawnRecord(
                lineage: lineage,
                argv: argv,
                workingDirectory: "/work",
                workspace: "/work",
                program: argv.first ?? "",
                programDigest: nil,
                limits: [:],
                degraded: [],
                approval: approval,
                ownText: ownText
            )
        )
    }

    /// Of a principal of a token.
    static let renewal: AuditEntry = .renewal(
        RenewalRecord(
            lineage: Lineage(
                principal: Principal(issuer: "corp", subject: "mallory > ci", uid: 1000),
                root: hop(1, "ci")
            ),
            principal: Principal(
                issuer: "corp",
                subject: "mallory > ci",
                uid: 1000,
                groups: ["payments"],
                expiry: Timestamp(milliseconds: 1_800_000_000_000)
            ),
            key: "2027-a",
            previous: Timestamp(milliseconds: 1_799_999_700_000)
        )
    )

    static func exit(
        _ lineage: Lineage = child,
        status: Int32 = 0,
        masked: [String: UInt64]? = nil
    ) -> AuditEntry {
        .exit(ExitRecord(lineage: lineage, status: status, cause: nil, masked: masked))
    }
}

extension AuditStore {
    /// Appends entries one batch after another, so that each has a seal of its own.
    func appendOneByOne(_ entries: [AuditEntry]) -> Tally {
        let tally = Tally()
        for entry in entries {
            append(entry, until: .durable) { tally.record($0) }
            flush()
        }
        return tally
    }

    /// Appends one entry, and while its answer is held up, all others: those share a batch and a seal.
    func appendInOneBatch(_ entries: [AuditEntry]) -> Tally {
        let tally = Tally()
        let gate = DispatchSemaphore(value: 0)
        let isHeld = DispatchSemaphore(value: 0)
        append(Sample.request("GET /first"), until: .durable) {
            tally.record($0)
            isHeld.signal()
            gate.wait()
        }
        isHeld.wait()
        for entry in entries { append(entry, until: .durable) { tally.record($0) } }
        gate.signal()
        flush()
        return tally
    }

    /// Appends entries at once, and waits for all answers.
    func appendTogether(_ entries: [AuditEntry]) -> Tally {
        let tally = Tally()
        for entry in entries { append(entry, until: .durable) { tally.record($0) } }
        flush()
        return tally
    }
}
