internal import CPostgres
internal import Glibc
internal import PostgresLink

/// A connection of libpq's.
///
/// Safe to use: what libpq gives is its own until `deinit`, and reached through nothing else.
@safe
final class Server {
    private let connection: OpaquePointer?
    /// Why there is none; nil where there is.
    let refusal: PostgresAnswer?

    /// Results are taken in the server's binary form (PQsendQueryParams).
    private static let binary: Int32 = 1

    /// - Parameter words: libpq's keywords, each with its value behind it.
    init(_ words: [String]) {
        let keywords = stride(from: 0, to: words.count, by: 2).map { words[$0] }
        let values = stride(from: 1, to: words.count, by: 2).map { words[$0] }
        let made = unsafe withStrings(keywords) { keywords in
            unsafe withStrings(values) { values in unsafe PQconnectdbParams(keywords, values, 0) }
        }
        unsafe connection = made
        guard unsafe PQstatus(made) == CONNECTION_OK else {
            refusal = .refused(state: "", words: unsafe Self.text(PQerrorMessage(made)))
            return
        }
        refusal = nil
        // Warnings are nobody's here.
        _ = unsafe PQsetNoticeReceiver(made, { _, _ in }, nil)
    }

    deinit { unsafe PQfinish(connection) }

    /// Runs a statement; `answer` takes its rows, and how it ended.
    func run(_ statement: String, _ values: [PostgresValue], _ answer: (PostgresAnswer) -> Void) {
        guard send(statement, values), unsafe PQsetSingleRowMode(connection) == 1 else {
            return answer(.refused(state: "", words: unsafe Self.text(PQerrorMessage(connection))))
        }
        var ending: PostgresAnswer?
        while let result = unsafe PQgetResult(connection) {
            defer { unsafe PQclear(result) }
            switch unsafe PQresultStatus(result) {
            case PGRES_SINGLE_TUPLE:
                for row in unsafe 0..<PQntuples(result) { unsafe answer(.row(Self.row(row, of: result))) }
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
                let count = unsafe Self.text(PQcmdTuples(result))
                ending = ending ?? .done(Int64(count) ?? 0)
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                // It comes again and again: nothing is said over this connection any more.
                return answer(.refused(state: "", words: "it answered with a copy, which nobody asked for"))
            default: ending = unsafe refused(result)
            }
        }
        answer(ending ?? .refused(state: "", words: unsafe Self.text(PQerrorMessage(connection))))
    }

    /// Waits until somebody notifies, or the time is over; says how often.
    func wait(_ milliseconds: Int64) -> PostgresAnswer {
        // What came with an earlier answer.
        var count = notifications()
        guard count == 0 else { return .done(count) }
        var entry = pollfd(fd: unsafe PQsocket(connection), events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&entry, 1, Int32(clamping: milliseconds))
        guard unsafe PQconsumeInput(connection) == 1 else {
            return .refused(state: "", words: unsafe Self.text(PQerrorMessage(connection)))
        }
        count = notifications()
        return .done(count)
    }

    private func notifications() -> Int64 {
        var count: Int64 = 0
        while let notification = unsafe PQnotifies(connection) {
            unsafe PQfreemem(notification)
            count += 1
        }
        return count
    }

    private func send(_ statement: String, _ values: [PostgresValue]) -> Bool {
        guard let count = Int32(exactly: values.count) else { return false }
        // One place for all of them, each with a NUL behind it, as texts have.
        var place: [UInt8] = []
        var starts: [Int?] = []
        var (lengths, formats): ([Int32], [Int32]) = ([], [])
        for value in values {
            let octets = value.octets ?? []
            starts.append(value.octets == nil ? nil : place.count)
            lengths.append(Int32(clamping: octets.count))
            if case .octets = value { formats.append(Self.binary) } else { formats.append(0) }
            place += octets
            place.append(0)
        }
        return unsafe place.withUnsafeBytes { octets in
            let pointers = unsafe starts.map { start in
                unsafe start.flatMap {
                    unsafe octets.baseAddress?.advanced(by: $0).assumingMemoryBound(to: CChar.self)
                }
            }
            return unsafe PQsendQueryParams(
                connection,
                statement,
                count,
                nil,
                pointers,
                lengths,
                formats,
                Self.binary
            ) == 1
        }
    }

    private static func row(_ row: Int32, of result: OpaquePointer) -> [PostgresValue] {
        unsafe (0..<PQnfields(result)).map { column in
            guard unsafe PQgetisnull(result, row, column) == 0,
                let start = unsafe PQgetvalue(result, row, column)
            else { return .null }
            let octets = unsafe UnsafeRawBufferPointer(
                start: start,
                count: Int(PQgetlength(result, row, column))
            )
            return .octets(unsafe Array(octets))
        }
    }

    /// The code and the first sentence: what is behind it may hold values.
    private func refused(_ result: OpaquePointer) -> PostgresAnswer {
        // PG_DIAG_SQLSTATE and PG_DIAG_MESSAGE_PRIMARY (postgres_ext.h), which are characters there.
        let state = unsafe PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { unsafe Self.text($0) }
        let words = unsafe PQresultErrorField(result, Int32(UInt8(ascii: "M"))).map { unsafe Self.text($0) }
        return .refused(
            state: state ?? "",
            words: unsafe words ?? Self.text(PQerrorMessage(connection))
        )
    }

    private static func text(_ words: UnsafePointer<CChar>?) -> String {
        unsafe words.map { unsafe String(cString: $0) } ?? ""
    }
}

/// Runs `body` with a NULL-terminated array of C strings.
private func withStrings<Value>(
    _ strings: [String],
    _ body: ([UnsafePointer<CChar>?]) -> Value
) -> Value {
    let copies = unsafe strings.map { unsafe strdup($0) }
    defer { for index in unsafe copies.indices { unsafe free(copies[index]) } }
    return unsafe body(copies.map { unsafe UnsafePointer($0) } + [nil])
}
