internal import Foundation
internal import Model
internal import PostgresLink
internal import Synchronization

/// What machines of a fleet say to each other of approvals, in the table of their database: written, read and heard of.
///
/// Nothing in it is believed but what is signed. Blocks, for a bounded time.
package final class FleetBoard: Sendable {
    /// What waits on a machine.
    package struct Waiting: Sendable {
        package let message: FleetMessage
        /// Milliseconds since it was put there, by the database's clock.
        package let age: UInt64
    }

    /// Answers that were read already, by the numbers of their rows.
    package struct Read: Sendable {
        /// All up to here are read, or too many came since.
        fileprivate var floor: Int64 = 0
        fileprivate var numbers: Set<Int64> = []

        package init() {}

        fileprivate mutating func note(_ number: Int64) {
            numbers.insert(number)
            guard numbers.count > FleetLimits.remembered else { return }
            let oldest = numbers.sorted().prefix(FleetLimits.remembered / 2)
            floor = oldest.last ?? floor
            numbers.subtract(oldest)
        }
    }

    static let channel = "bailey_approval"

    /// This machine, by the key of its log.
    package let own: String
    private let sign: @Sendable ([UInt8]) throws -> [UInt8]
    /// Three, so that none waits for another: what is written, what somebody looks at, and what is listened to.
    private let writing: PostgresConnection
    private let looking: PostgresConnection
    private let listening: PostgresConnection
    private let isChecked = Atomic(false)

    init(
        _ access: PostgresAccess,
        own: String,
        sign: @escaping @Sendable ([UInt8]) throws -> [UInt8]
    ) {
        (self.own, self.sign) = (own, sign)
        writing = PostgresConnection(access, statement: FleetLimits.statement, takesChanges: true)
        // A standby may not have the newest, and takes no LISTEN.
        looking = PostgresConnection(access, statement: FleetLimits.statement, takesChanges: true)
        listening = PostgresConnection(
            access,
            opening: ["LISTEN \(Self.channel)"],
            takesChanges: true
        )
    }

    /// Throws where the table is not there, or its role may do less or more than it has to; asks once.
    package func requireRole() throws {
        guard !isChecked.load(ordering: .relaxed) else { return }
        try writing.requireRole(for: [FleetStatement.messageTable])
        isChecked.store(true, ordering: .relaxed)
    }

    /// Puts a message there, and tells all who listen.
    ///
    /// - Parameters:
    ///   - kind: what it says.
    ///   - holder: who holds the question.
    ///   - question: its id.
    ///   - text: at most `FleetLimits.text` octets.
    ///   - whole: all of a launch, of which the text has the digest.
    /// - Throws: where the database does not have it.
    package func post(
        _ kind: FleetMessage.Kind,
        to holder: FleetHolder,
        about question: String,
        text: [UInt8],
        whole: [UInt8]? = nil
    ) throws {
        try requireRole()
        let message = try FleetMessage(
            kind,
            chain: own,
            to: holder,
            about: question,
            text: text,
            sign: sign
        )
        let table = FleetStatement.messageTable
        // What is run once more on another connection is there once.
        try writing.run(
            """
            WITH added AS (INSERT INTO \(table) (\(FleetStatement.messageColumns), whole) \
            SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::bytea, $8::bytea \
            WHERE NOT EXISTS (SELECT FROM \(table) WHERE question = $5::text AND signature = $7::bytea)) \
            SELECT pg_notify('\(Self.channel)', '')
            """,
            [
                .text(kind.rawValue), .text(own), .text(holder.machine), .text(holder.supervisor),
                .text(question), .text(text), .octets(message.signature),
                whole.map { .octets($0) } ?? .null,
            ]
        )
    }

    /// What waits on these machines, as far as they signed it, oldest first.
    package func waiting(on machines: [String]) throws -> [Waiting] {
        var ended: Set<[String]> = []
        var found: [Waiting] = []
        let table = FleetStatement.messageTable
        // Newest first: an end comes before what it ends. Of each run as much as of any other, however much its agents ask.
        try looking.run(
            """
            SELECT \(FleetStatement.readColumns), (extract(epoch FROM clock_timestamp() - added) * 1000)::bigint \
            FROM \(table) JOIN (SELECT number, row_number() OVER \
            (PARTITION BY chain, supervisor, split_part(question, '-', 1) ORDER BY number DESC) AS place FROM \(table) \
            WHERE kind IN ('asked', 'ended') AND chain = ANY ($1::text[]) \
            AND added > now() - interval '\(FleetLimits.longestWait) s') AS newest USING (number) \
            WHERE place <= \(FleetLimits.listedPerRun) ORDER BY number DESC LIMIT \(FleetLimits.listed)
            """,
            [.text(Self.array(machines))]
        ) { row in
            guard let age = row.last?.number, let message = FleetMessage(row.dropLast()),
                message.holder.machine.isSame(as: message.chain), message.isGenuine
            else { return }
            let name = [message.chain, message.holder.supervisor, message.question]
            // One that is there twice is one.
            guard ended.insert(name).inserted, message.kind == .asked else { return }
            found.append(Waiting(message: message, age: UInt64(clamping: age)))
        }
        return found.reversed()
    }

    /// All of a launch that waits; nil where nothing is there of it.
    package func whole(of message: FleetMessage) throws -> [UInt8]? {
        try looking.rows(
            """
            SELECT whole FROM \(FleetStatement.messageTable) WHERE question = $1::text AND signature = $2::bytea \
            AND octet_length(whole) <= \(FleetLimits.whole) LIMIT 1
            """,
            [.text(message.question), .octets(message.signature)]
        ).first?.first?.octets
    }

    /// Answers for one of this machine's supervisors that were not read yet, whoever wrote them; nil for one that is no message.
    package func answers(to supervisor: String, _ read: inout Read) throws -> [FleetMessage?] {
        let rows = try listening.rows(
            """
            SELECT \(FleetStatement.readColumns), number FROM \(FleetStatement.messageTable) \
            WHERE kind = 'answered' AND holder = $1::text AND supervisor = $2::text AND number > $3::bigint \
            AND number <> ALL ($4::bigint[]) AND added > now() - interval '\(FleetLimits.longestWait) s' \
            ORDER BY number LIMIT \(FleetLimits.readAtOnce)
            """,
            [
                .text(own), .text(supervisor), .number(read.floor),
                .text(Self.array(read.numbers.map { "\($0)" })),
            ]
        )
        return rows.compactMap { row -> FleetMessage?? in
            guard let number = row.last?.number else { return nil }
            read.note(number)
            return .some(FleetMessage(row.dropLast()))
        }
    }

    /// What others say became of answers to these questions, as far as they signed it.
    package func settled(_ questions: [String]) throws -> [FleetMessage] {
        guard !questions.isEmpty else { return [] }
        let rows = try listening.rows(
            """
            SELECT \(FleetStatement.readColumns) FROM \(FleetStatement.messageTable) \
            WHERE kind = 'settled' AND question = ANY ($1::text[]) AND added > now() - interval '\(FleetLimits.longestWait) s' \
            ORDER BY number DESC LIMIT \(FleetLimits.readAtOnce)
            """,
            [.text(Self.array(questions.filter(FleetMessage.isQuestion)))]
        )
        return rows.compactMap { FleetMessage($0[...]) }.filter {
            $0.holder.machine.isSame(as: $0.chain) && $0.isGenuine
        }
    }

    /// Waits until somebody has put something there, or the time is over.
    package func wait(atMost milliseconds: Int) throws { _ = try listening.wait(atMost: milliseconds) }

    /// `{a,b}`, of items without anything that has a meaning there (PostgreSQL 15, section 8.15.2).
    private static func array(_ items: [String]) -> String { "{" + items.joined(separator: ",") + "}" }
}

extension AuditStore {
    /// The table of a database where this machine says what waits, and hears answers, under the key of this log.
    package func board(in plan: FleetPlan) -> FleetBoard {
        let chain = chain
        return FleetBoard(plan.access, own: chain.verifying.octets.hex) { try chain.signature(of: $0) }
    }
}
