internal import Foundation
internal import Linux
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

    /// Answers that were read already.
    package struct Read: Sendable {
        private struct Row {
            /// In whose name it is.
            let chain: String
            /// From when on the database gives it no more.
            let until: UInt64
        }

        /// By the numbers of their rows.
        private var rows: [Int64: Row] = [:]

        package init() {}

        fileprivate var numbers: [Int64] { Array(rows.keys) }

        /// In whose name so much came that what comes behind it waits until some of that is forgotten.
        fileprivate var full: [String] {
            Dictionary(grouping: rows.values, by: \.chain).filter { $0.value.count >= FleetLimits.remembered }
                .map(\.key)
        }

        fileprivate mutating func forget(at now: UInt64) { rows = rows.filter { $0.value.until > now } }

        fileprivate mutating func note(_ number: Int64, of chain: String, at now: UInt64) {
            rows[number] = Row(chain: chain, until: now + FleetLimits.rememberedFor)
        }
    }

    /// The database did not say whether it has a message.
    package struct Uncertain: Error, CustomStringConvertible {
        package let description: String
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
        try writing.requireMessageRole()
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
    /// - Throws: `Uncertain` where the database may have it; anything else where it does not.
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
        do {
            // What is run once more on another connection is there once.
            try writing.run(
                """
                WITH added AS (INSERT INTO \(table) (\(FleetStatement.givenColumns.joined(separator: ", "))) \
                SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::bytea, $8::bytea \
                WHERE NOT EXISTS (SELECT FROM \(table) WHERE question = $5::text AND signature = $8::bytea)) \
                SELECT pg_notify('\(Self.channel)', '')
                """,
                [
                    .text(kind.rawValue), .text(own), .text(holder.machine), .text(holder.supervisor),
                    .text(question), .text(text), whole.map { .octets($0) } ?? .null,
                    .octets(message.signature),
                ]
            )
        } catch let failure as PostgresFailure where !failure.isCertain {
            throw Uncertain(description: "\(failure)")
        }
    }

    /// What waits on these machines, as far as they signed it, oldest first.
    package func waiting(on machines: [String]) throws -> [Waiting] {
        try requireRole()
        var seen: Set<[String]> = []
        var found: [Waiting] = []
        let table = FleetStatement.messageTable
        // Of each run as much as of any other, and of each machine, however much is asked there. What is over counts for nothing:
        // its end has the word of which it was told with the digest, which nobody else knows before. Of others no end is looked at.
        try looking.run(
            """
            WITH ended AS MATERIALIZED (SELECT chain, question, \
            '{"end":"' || encode(sha256(convert_to(text, 'UTF8')), 'hex') || '"' AS begins \
            FROM \(table) WHERE kind = 'ended' AND chain = ANY ($1::text[]) \
            AND added > now() - interval '\(FleetLimits.ended) s' AND octet_length(text) = \(FleetLimits.word)) \
            SELECT \(FleetStatement.readColumns), (extract(epoch FROM clock_timestamp() - added) * 1000)::bigint \
            FROM \(table) JOIN (SELECT number, row_number() OVER \
            (PARTITION BY chain, supervisor, split_part(question, '-', 1) ORDER BY number DESC) AS place, \
            row_number() OVER (PARTITION BY chain ORDER BY number DESC) AS among, \
            sum(octet_length(text)) OVER (PARTITION BY chain ORDER BY number DESC) AS weight FROM \(table) AS asked \
            WHERE kind = 'asked' AND chain = ANY ($1::text[]) AND octet_length(text) <= \(FleetLimits.text) \
            AND \(Self.isRecent) AND NOT EXISTS \
            (SELECT FROM ended WHERE ended.chain = asked.chain AND ended.question = asked.question \
            AND left(asked.text, \(FleetLimits.asked)) = ended.begins)) AS newest USING (number) \
            WHERE place <= \(FleetLimits.listedPerRun) AND among <= \(FleetLimits.listedPerMachine) \
            AND weight <= \(FleetLimits.listedOctets) ORDER BY number DESC LIMIT \(FleetLimits.listed)
            """,
            [.text(Self.array(machines))]
        ) { row in
            guard let age = row.last?.number, let message = FleetMessage(row.dropLast()),
                message.kind == .asked,
                message.holder.machine.isSame(as: message.chain), message.isGenuine
            else { return }
            // One that is there twice is one.
            guard seen.insert([message.chain, message.holder.supervisor, message.question]).inserted
            else { return }
            found.append(Waiting(message: message, age: UInt64(clamping: age)))
        }
        return found.reversed()
    }

    /// All of a launch that waits, by its digest; nil where nothing is there of it.
    package func whole(of message: FleetMessage, digest: String) throws -> [UInt8]? {
        try looking.rows(
            """
            SELECT whole FROM \(FleetStatement.messageTable) WHERE question = $1::text AND chain = $2::text \
            AND octet_length(whole) <= \(FleetLimits.whole) AND encode(sha256(whole), 'hex') = $3::text LIMIT 1
            """,
            [.text(message.question), .text(message.chain), .text(digest)]
        ).first?.first?.octets
    }

    /// Answers of these machines for one of this machine's supervisors that were not read yet; nil for one that is no message.
    ///
    /// Of each machine as many as of any other.
    package func answers(
        to supervisor: String,
        of machines: [String],
        _ read: inout Read
    ) throws -> [FleetMessage?] {
        let now = Uptime.withSleep()
        read.forget(at: now)
        let table = FleetStatement.messageTable
        let rows = try listening.rows(
            """
            SELECT \(FleetStatement.readColumns), number, chain FROM \(table) JOIN (SELECT number, row_number() OVER \
            (PARTITION BY array_position($3::text[], chain) ORDER BY number) AS place \
            FROM \(table) WHERE chain = ANY ($3::text[]) AND chain <> ALL ($5::text[]) AND \(Self.isUnread)) \
            AS unread USING (number) WHERE place <= \(FleetLimits.readAtOnce) \
            ORDER BY place, number LIMIT \(FleetLimits.readAtOnce)
            """,
            unread(supervisor, machines, read) + [.text(Self.array(read.full))]
        )
        return rows.compactMap { row -> FleetMessage?? in
            guard let chain = row.last?.string, let number = row.dropLast().last?.number else { return nil }
            read.note(number, of: chain, at: now)
            return .some(FleetMessage(row.dropLast(2)))
        }
    }

    /// The same of all others together, which change nothing: asked for apart, so that however many they are nothing waits for them.
    package func strangers(
        to supervisor: String,
        besides machines: [String],
        _ read: inout Read
    ) throws -> [FleetMessage?] {
        guard !read.full.holds(bytes: Self.other) else { return [] }
        let now = Uptime.withSleep()
        let rows = try listening.rows(
            """
            SELECT \(FleetStatement.readColumns), number FROM \(FleetStatement.messageTable) \
            WHERE chain <> ALL ($3::text[]) AND \(Self.isUnread) ORDER BY number LIMIT \(FleetLimits.readAtOnce)
            """,
            unread(supervisor, machines, read)
        )
        return rows.compactMap { row -> FleetMessage?? in
            guard let number = row.last?.number else { return nil }
            read.note(number, of: Self.other, at: now)
            return .some(FleetMessage(row.dropLast()))
        }
    }

    /// With what `unread` gives as the first parameters.
    private static let isUnread =
        "kind = 'answered' AND holder = $1::text AND supervisor = $2::text AND number <> ALL ($4::bigint[]) AND \(isRecent)"

    private func unread(_ supervisor: String, _ machines: [String], _ read: Read) -> [PostgresValue] {
        [
            .text(own), .text(supervisor), .text(Self.array(machines)),
            .text(Self.array(read.numbers.map { "\($0)" })),
        ]
    }

    /// Stands for those that are not named.
    private static let other = "other"

    /// What machines say became of answers to questions of theirs, as far as they signed it.
    ///
    /// Of each in turn, the last that was said first: what another says of it, or says much of another, hides nothing.
    package func settled(_ asked: [(question: String, machine: String)]) throws -> [FleetMessage] {
        let asked = asked.filter { FleetMessage.isQuestion($0.question) }
        guard !asked.isEmpty else { return [] }
        let table = FleetStatement.messageTable
        let rows = try listening.rows(
            """
            SELECT \(FleetStatement.readColumns) FROM \(table) JOIN (SELECT number, row_number() OVER \
            (PARTITION BY chain, question ORDER BY number DESC) AS place FROM \(table) WHERE kind = 'settled' \
            AND (question, chain) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND \(Self.isRecent)) \
            AS said USING (number) ORDER BY place, number DESC LIMIT \(FleetLimits.readAtOnce)
            """,
            [.text(Self.array(asked.map(\.question))), .text(Self.array(asked.map(\.machine)))]
        )
        return rows.compactMap { FleetMessage($0[...]) }.filter {
            $0.holder.machine.isSame(as: $0.chain) && $0.isGenuine
        }
    }

    /// By the server's clock.
    ///
    /// Of a table whose roles choose the moment, one that is ahead, or of no time at all, is none.
    private static let isRecent =
        "added BETWEEN now() - interval '\(FleetLimits.longestWait) s' AND clock_timestamp() + interval '1 s'"

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
