internal import Model
package import NIOCore
internal import Wire

/// Asks a server, once it is logged in to, which columns there are, so that a result's column is known by its source.
package struct PostgresCatalog: Sendable {
    package enum Outcome: Sendable {
        case more
        case ready([ColumnPlace: SourceColumn])
        case failed(PostgresFault)
    }

    /// Columns of one database: each takes some 200 octets here.
    static let maximum = 200_000

    /// A query whose names mean the same whatever the session's search path is.
    package static let question = Outgoing.message(Tag.query) { body in
        Outgoing.text(
            """
            SELECT a.attrelid, a.attnum, n.nspname, c.relname, a.attname FROM pg_catalog.pg_attribute a \
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid \
            JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
            WHERE a.attnum OPERATOR(pg_catalog.<>) 0 AND NOT a.attisdropped \
            AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,v,m,f,p}'::pg_catalog."char"[])
            """,
            to: &body
        )
    }

    private var reader = FrameReader(from: .upstream)
    private var columns: [ColumnPlace: SourceColumn] = [:]

    package init() {}

    /// Octets of the server's answer.
    package mutating func received(_ octets: ByteBuffer) -> Outcome {
        reader.append(octets)
        do throws(PostgresFault) {
            while let piece = try reader.next(whole: true) {
                switch piece.tag {
                case Tag.dataRow: try take(piece.body)
                case Tag.rowDescription, Tag.commandComplete, Tag.notice, Tag.parameterStatus: break
                case Tag.ready: return .ready(columns)
                case Tag.error:
                    let error = ErrorFields(piece.body)
                    throw Self.fault("\(error.message) (\(error.code))")
                default: throw Self.fault("a message of type \(piece.tag)")
                }
            }
            return .more
        } catch {
            return .failed(error)
        }
    }

    private mutating func take(_ row: ByteBuffer) throws(PostgresFault) {
        var row = row
        guard columns.count < Self.maximum else { throw Self.fault("more than \(Self.maximum) columns") }
        guard row.readInteger(as: UInt16.self) == 5, let table = Self.value(&row).flatMap(UInt32.init),
            let number = Self.value(&row).flatMap(Int16.init), let schema = Self.value(&row),
            let name = Self.value(&row), let column = Self.value(&row)
        else { throw Self.fault("a row that cannot be read") }
        columns[ColumnPlace(table: table, number: number)] = SourceColumn(
            schema: schema,
            table: name,
            column: column
        )
    }

    private static func value(_ row: inout ByteBuffer) -> String? {
        guard let length = row.readInteger(as: Int32.self), length >= 0 else { return nil }
        return row.readBytes(length: Int(length)).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func fault(_ what: String) -> PostgresFault {
        PostgresFault(
            .unsupported,
            "the database was asked for its columns, which the rules mask by name, and answered with \(what)",
            told: "the database could not be asked for its columns, which the rules mask by name",
            remedy: "let the credential's user read pg_catalog"
        )
    }
}
