internal import Linux
internal import Model
internal import Synchronization

/// A connection with a PostgreSQL server, made when it is needed, and made anew when it is lost.
///
/// libpq is in a program of its own, bailey-postgres. Blocks, for a bounded time; one statement at a time.
package final class PostgresConnection: Sendable {
    package typealias Row = [PostgresValue]

    private struct Session {
        let program: CompanionProgram
        var buffer = FrameBuffer()
    }

    package let access: PostgresAccess
    /// Milliseconds for a statement; 0 for one that reads a table.
    private let statement: Int
    /// What is said first on each connection, as LISTEN is.
    private let opening: [String]
    /// Of several addresses that a name has, the one is asked that takes changes.
    private let takesChanges: Bool
    private let session = Mutex<Session?>(nil)
    /// Until when all that is asked has to be answered, milliseconds of `Uptime`.
    private let limit = Mutex<UInt64>(.max)

    package init(
        _ access: PostgresAccess,
        statement: Int = PostgresLimits.statement,
        opening: [String] = [],
        takesChanges: Bool = false
    ) {
        (self.access, self.statement, self.opening) = (access, statement, opening)
        self.takesChanges = takesChanges
    }

    package var location: PostgresLocation { access.location }

    /// Runs one statement, with everything in it that varies as a parameter, and gives how many rows it changed.
    ///
    /// A statement whose connection turns out to be lost is run once more on a new one: it must do no harm twice.
    ///
    /// - Parameters:
    ///   - text: the statement, `$1` and so on for its parameters.
    ///   - parameters: bound to it, never put into its text.
    ///   - each: takes a row; the statement is given up where it throws.
    /// - Returns: how many rows were changed.
    /// - Throws: `PostgresFailure`, or what `each` throws.
    @discardableResult
    package func run(
        _ text: String,
        _ parameters: [PostgresValue] = [],
        each: (Row) throws -> Void = { _ in }
    ) throws -> Int64 {
        try session.withLock { session in
            let wasThere = session != nil
            var hasRows = false
            do {
                return try run(text, parameters, &session) {
                    hasRows = true
                    try each($0)
                }
            } catch let failure as PostgresFailure
                where wasThere && session == nil && !hasRows && failure.isSaid
            {
                // The server was started anew meanwhile, or has closed what was silent for long.
                do { return try run(text, parameters, &session, each) } catch var again as PostgresFailure {
                    again.isSecond = true
                    throw again
                }
            }
        }
    }

    /// What rows there are, of which there are few: a server that gives more octets of them than one frame's is not believed.
    package func rows(_ text: String, _ parameters: [PostgresValue] = []) throws -> [Row] {
        var (rows, octets): ([Row], Int) = ([], 0)
        try run(text, parameters) { row in
            octets += row.reduce(Self.rowOverhead) { $0 + Self.rowOverhead + ($1.octets?.count ?? 0) }
            guard octets <= PostgresLimits.frame else {
                throw failure(
                    "it answered with more than \(PostgresLimits.frame >> 20) MiB where few rows are asked for",
                    "this is worth a report"
                )
            }
            rows.append(row)
        }
        return rows
    }

    /// Octets of memory that a row and a value take besides what is in it.
    private static let rowOverhead = 64

    /// Bounds all that `work` asks for together, connections that are made for it among it.
    package func within<Value>(_ milliseconds: UInt64, _ work: () throws -> Value) rethrows -> Value {
        limit.withLock { $0 = Uptime.milliseconds() + milliseconds }
        defer { limit.withLock { $0 = .max } }
        return try work()
    }

    /// Waits until somebody notifies of what is listened to; false where the time is over first.
    ///
    /// What was notified before there was this connection is not heard of.
    package func wait(atMost milliseconds: Int) throws -> Bool {
        try session.withLock { session in
            var open = try session ?? opened()
            session = nil
            let bound = UInt64(clamping: milliseconds) + PostgresLimits.slack
            let count = try answer(.wait(Int64(milliseconds)), from: &open, within: bound) { _ in }
            session = open
            return count > 0
        }
    }

    /// Ends it; the next statement makes another.
    package func close() { session.withLock { $0 = nil } }

    private func run(
        _ text: String,
        _ parameters: [PostgresValue],
        _ session: inout Session?,
        _ each: (Row) throws -> Void
    ) throws -> Int64 {
        var open = try taken(session)
        session = nil
        do {
            // A table that is read takes as long as its rows come.
            let count = try answer(
                .run(text, parameters),
                from: &open,
                within: bound,
                eachRow: statement == PostgresLimits.unbounded,
                each
            )
            session = open
            return count
        } catch let failure as PostgresFailure where failure.leavesConnection {
            session = open
            throw failure
        }
    }

    private var bound: UInt64 {
        statement > 0 ? UInt64(statement) + PostgresLimits.slack : PostgresLimits.row
    }

    /// The one that is there, or one that is made; where none can be, nothing was sent.
    private func taken(_ session: Session?) throws -> Session {
        if let session { return session }
        do { return try opened() } catch var failure as PostgresFailure {
            failure.isUnsent = true
            throw failure
        }
    }

    private func opened() throws -> Session {
        guard let program = access.program else {
            throw failure("bailey-postgres cannot be found", Self.installed)
        }
        var session: Session
        do throws(ProgramOutput.Failure) {
            session = Session(program: try CompanionProgram(path: program))
        } catch {
            throw failure("\(program) cannot be run: \(error.reason)", Self.installed)
        }
        let words: [String]
        do {
            words = try access.location.keywords(
                password: try access.password?(),
                takesChanges: takesChanges
            )
        } catch let problem as PostgresLocation.Problem {
            throw failure(problem.message, "correct it")
        } catch {
            throw failure("its password cannot be had: \(error)", "correct password in bailey.yaml")
        }
        _ = try answer(.connect(words), from: &session, within: PostgresLimits.connection) { _ in }
        var facts: Row = []
        _ = try answer(settings, from: &session, within: bound) { facts = $0 }
        guard facts.first?.string == "UTF8" else {
            throw failure(
                "its encoding is \(facts.first?.string ?? "unknown"), not UTF8",
                "make a database with ENCODING 'UTF8'"
            )
        }
        for text in opening {
            _ = try answer(.run(text, []), from: &session, within: bound) { _ in }
        }
        return session
    }

    /// What a record may rest on: that a commit is on the server's disk, and that a lock is not waited for without end.
    private var settings: PostgresOrder {
        .run(
            """
            SELECT current_setting('server_encoding'), set_config('statement_timeout', $1, false), \
            set_config('lock_timeout', $1, false), \
            CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END
            """,
            [.text("\(statement)")]
        )
    }

    private static let installed =
        "it is installed beside bailey-core, and needs libpq.so.5 (Debian: libpq5): run 'make install' again"

    /// Within so many milliseconds, or as many from one row to the next.
    private func answer(
        _ order: PostgresOrder,
        from session: inout Session,
        within bound: UInt64,
        eachRow: Bool = false,
        _ each: (Row) throws -> Void
    ) throws -> Int64 {
        let frame = order.frame
        guard frame.count <= PostgresLimits.frame else {
            throw failure(
                "what it should take is longer than \(PostgresLimits.frame >> 20) MiB",
                "this is worth a report"
            )
        }
        do {
            var end = deadline(bound)
            try session.program.send(frame, by: end)
            while true {
                if eachRow { end = deadline(bound) }
                switch try next(&session, by: end) {
                case .row(let values): try each(values)
                case .done(let count): return count
                case .refused(let state, let words):
                    throw PostgresFailure(access.location, state: state, words: words)
                }
            }
        } catch let failure as ProgramOutput.Failure {
            throw self.failure("bailey-postgres gave no answer: \(failure.reason)", Self.silent(failure))
        } catch is FrameFault {
            throw failure(
                "bailey-postgres gave no answer that is one, or a row of more than \(PostgresLimits.frame >> 20) MiB",
                "see what is in its tables; \(Self.installed)"
            )
        }
    }

    private func deadline(_ bound: UInt64) -> UInt64 {
        min(Uptime.milliseconds() + bound, limit.withLock { $0 })
    }

    /// 127 is what a program without its library ends with (ld.so(8)).
    private static func silent(_ failure: ProgramOutput.Failure) -> String {
        failure.reason.ends(with: "127")
            ? installed : "check that the server is reachable, and not busy with something else"
    }

    private func next(_ session: inout Session, by deadline: UInt64) throws -> PostgresAnswer {
        while true {
            if let frame = try session.buffer.next() { return try PostgresAnswer(frame) }
            session.buffer.append(try session.program.receive(atMost: PostgresLimits.piece, by: deadline))
        }
    }

    private func failure(_ reason: String, _ remedy: String) -> PostgresFailure {
        PostgresFailure(access.location, reason, remedy: remedy)
    }
}
