internal import Model
package import NIOCore
internal import Wire

/// Asks a server, once it is logged in to, which columns there are and what is made from which, so that a result's column
/// is known by its source.
package struct PostgresCatalog: Sendable {
    package enum Outcome: Sendable {
        case more
        case ready([ColumnPlace: SourceColumn])
        case failed(PostgresFault)
    }

    /// Columns of one database: each takes some 200 octets here.
    static let maximum = 200_000

    /// Queries whose names mean the same whatever the session's search path is: the columns; then what each may hold of
    /// another: of a view all that it names, of what inherits the same names, of a generated column what it is made from, which
    /// the server keeps in two ways.
    ///
    /// A view that takes whole rows (`:varattno 0`) names no column of theirs. Names are in UTF-8, as those of rules are,
    /// whatever the client has asked for; behind the last answer its encoding is as it was.
    package static let question = Outgoing.message(Tag.query) { body in
        Outgoing.text(
            """
            SET LOCAL client_encoding TO 'UTF8'; \
            SELECT a.attrelid, a.attnum, n.nspname, c.relname, a.attname, a.atttypid, a.attgenerated \
            FROM pg_catalog.pg_attribute a \
            JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid \
            JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
            WHERE a.attnum OPERATOR(pg_catalog.<>) 0 AND NOT a.attisdropped \
            AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,v,m,f,p}'::pg_catalog."char"[]); \
            SELECT r.ev_class, 0, d.refobjid, CASE WHEN r.whole THEN 0 ELSE d.refobjsubid END \
            FROM (SELECT oid, ev_class, ev_action::pg_catalog.text \
            OPERATOR(pg_catalog.~~) '%:varattno 0 %' AS whole FROM pg_catalog.pg_rewrite \
            WHERE ev_type OPERATOR(pg_catalog.=) '1' \
            AND ev_class OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid OFFSET 0) r \
            JOIN pg_catalog.pg_depend d ON d.objid OPERATOR(pg_catalog.=) r.oid \
            WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass \
            AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass \
            AND d.refobjid OPERATOR(pg_catalog.<>) r.ev_class \
            AND (d.refobjsubid OPERATOR(pg_catalog.<>) 0 OR r.whole); \
            SELECT inhrelid, -1, inhparent, -1 FROM pg_catalog.pg_inherits; \
            SELECT d.objid, d.objsubid, d.refobjid, d.refobjsubid FROM pg_catalog.pg_depend d \
            WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass \
            AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass \
            AND d.objid OPERATOR(pg_catalog.=) d.refobjid AND d.objsubid OPERATOR(pg_catalog.>) 0 \
            AND d.refobjsubid OPERATOR(pg_catalog.>) 0; \
            SELECT f.adrelid, f.adnum, d.refobjid, d.refobjsubid FROM pg_catalog.pg_attrdef f \
            JOIN pg_catalog.pg_depend d ON d.objid OPERATOR(pg_catalog.=) f.oid \
            WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::pg_catalog.regclass \
            AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass \
            AND d.refobjid OPERATOR(pg_catalog.=) f.adrelid AND d.refobjsubid OPERATOR(pg_catalog.>) 0
            """,
            to: &body
        )
    }

    private let masks: Set<ColumnMask>
    private var reader = FrameReader(from: .upstream)
    private var columns: [ColumnPlace: SourceColumn] = [:]
    private var origins: [ColumnOrigin] = []
    /// Answers that are over: that of SET, and then that with the columns.
    private var answers = 0

    /// `masks` are those that any rule for the database has.
    package init(masks: Set<ColumnMask>) {
        self.masks = masks
    }

    /// Octets of the server's answer.
    package mutating func received(_ octets: ByteBuffer) -> Outcome {
        reader.append(octets)
        do throws(PostgresFault) {
            while let piece = try reader.next(whole: true) {
                switch piece.tag {
                case Tag.dataRow: try take(piece.body)
                case Tag.rowDescription, Tag.notice, Tag.parameterStatus: break
                case Tag.commandComplete: answers += 1
                case Tag.ready: return .ready(ColumnOrigins(columns, origins, masks).columns)
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
        guard columns.count < Self.maximum, origins.count < Self.maximum else {
            throw Self.fault("more than \(Self.maximum) columns")
        }
        if answers > 1 { try takeOrigin(row) } else { try takeColumn(row) }
    }

    private mutating func takeColumn(_ row: ByteBuffer) throws(PostgresFault) {
        var row = row
        guard row.readInteger(as: UInt16.self) == 7, let place = try Self.place(&row),
            let schema = try Self.value(&row), let name = try Self.value(&row),
            let column = try Self.value(&row), let type = try Self.value(&row).flatMap(UInt32.init),
            let generated = try Self.value(&row)
        else { throw Self.fault("a row that cannot be read") }
        columns[place] = SourceColumn(
            schema: schema,
            table: name,
            column: column,
            type: type,
            isGenerated: !generated.isEmpty
        )
    }

    private mutating func takeOrigin(_ row: ByteBuffer) throws(PostgresFault) {
        var row = row
        guard row.readInteger(as: UInt16.self) == 4, let column = try Self.place(&row),
            let source = try Self.place(&row)
        else { throw Self.fault("a row that cannot be read") }
        origins.append(ColumnOrigin(column: column, source: source))
    }

    private static func place(_ row: inout ByteBuffer) throws(PostgresFault) -> ColumnPlace? {
        guard let table = try value(&row).flatMap(UInt32.init),
            let number = try value(&row).flatMap(Int16.init)
        else {
            return nil
        }
        return ColumnPlace(table: table, number: number)
    }

    private static func value(_ row: inout ByteBuffer) throws(PostgresFault) -> String? {
        guard let length = row.readInteger(as: Int32.self), length >= 0,
            let octets = row.readBytes(length: Int(length))
        else { return nil }
        // Of a name that was mended nobody could say which rule means it.
        guard let text = String(validating: octets, as: UTF8.self) else { throw notUTF8 }
        return text
    }

    private static let notUTF8 = PostgresFault(
        .unsupported,
        "the database was asked for its columns, which the rules mask by name, and one name is not UTF-8",
        told: "the database has names that are not UTF-8, and the rules mask columns by name",
        remedy: "ask the operator to rename it, and not to use SQL_ASCII as the database's encoding"
    )

    private static func fault(_ what: String) -> PostgresFault {
        PostgresFault(
            .unsupported,
            "the database was asked for its columns, which the rules mask by name, and answered with \(what)",
            told: "the database could not be asked for its columns, which the rules mask by name",
            remedy: "let the credential's user read pg_catalog"
        )
    }
}
