internal import Foundation
internal import GRDB
package import Model

/// Which principals are revoked: those whose last record of that kind was not lifted.
///
/// The log itself is where that is kept: it is signed, and what is taken out of it, or out of the index by which a launch
/// looks it up, `bailey audit verify` finds out.
package struct RevokedPrincipals: Sendable {
    private let database: DatabaseQueue
    private let path: String

    init(_ database: DatabaseQueue, path: String) {
        (self.database, self.path) = (database, path)
    }

    /// One that is revoked: what was said, and whether its agents were left running.
    package struct Entry: Sendable, Hashable {
        package let revocation: Revocation
        package let keptRunning: Bool
    }

    /// What was said last of a principal; nil when it is not revoked, or is no more.
    ///
    /// - Parameter subject: compared by its octets.
    /// - Returns: the entry.
    /// - Throws: when it cannot be known, so that nobody acts on a guess.
    package func entry(of subject: String) throws(AuditStoreError) -> Entry? {
        try reading { database in
            let statement = try database.cachedStatement(sql: Self.ofPrincipal)
            // Of all that are shown alike, as few as there are.
            let rows = try Row.fetchCursor(statement, arguments: [TerminalText.escaped(subject)])
            while let row = try rows.next() {
                let (record, time) = try decoded(row)
                if record.principal.isSame(as: subject) { return Self.entry(record, time) }
            }
            return nil
        }
    }

    /// All that are revoked, by their subjects.
    package func entries() throws(AuditStoreError) -> [Entry] {
        let entries = try reading { database in
            var found: [ByteText: Entry] = [:]
            let rows = try Row.fetchCursor(database, sql: Self.all)
            while let row = try rows.next() {
                let (record, time) = try decoded(row)
                found[ByteText(record.principal)] = Self.entry(record, time)
            }
            return Array(found.values)
        }
        return entries.sorted { $0.revocation.principal.precedes($1.revocation.principal) }
    }

    private static let columns = "SELECT sequence, time, payload FROM records WHERE \(Schema.isOfPrincipal)"
    private static let ofPrincipal = "\(columns) AND lineage = ? ORDER BY sequence DESC"
    /// By the index; of one principal the last comes last.
    private static let all = "\(columns) ORDER BY lineage, sequence"

    static func entry(_ record: RevocationRecord, _ time: Timestamp) -> Entry? {
        guard !record.isLifted else { return nil }
        let revocation = Revocation(
            agent: nil,
            principal: record.principal,
            by: record.by.subject,
            time: time,
            reason: record.reason
        )
        return Entry(revocation: revocation, keptRunning: record.keptRunning)
    }

    private func decoded(_ row: Row) throws -> (RevocationRecord, Timestamp) {
        guard let payload = String.fromDatabaseValue(row[2]), let time = Int64.fromDatabaseValue(row[1]),
            let record = try? JSONDecoder().decode(RevocationRecord.self, from: Data(payload.utf8))
        else {
            let number = Int64.fromDatabaseValue(row[0]).map { "\($0)" } ?? "?"
            throw AuditStoreError(
                .database,
                "record \(number) of \(path), of a principal that was revoked, cannot be read; look with "
                    + "`bailey audit verify`"
            )
        }
        return (record, Timestamp(milliseconds: time))
    }

    private func reading<Value>(_ body: (Database) throws -> Value) throws(AuditStoreError) -> Value {
        do {
            return try database.read(body)
        } catch let error as AuditStoreError {
            throw error
        } catch {
            throw AuditStoreError("look for revoked principals in", path, error)
        }
    }
}

extension AuditReader {
    package var revokedPrincipals: RevokedPrincipals { RevokedPrincipals(database, path: path) }
}

extension AuditStore {
    /// Opens a connection of its own: no look waits for a record that is on its way to the disk.
    package func revokedPrincipals() throws(AuditStoreError) -> RevokedPrincipals {
        RevokedPrincipals(try StoreFiles.openDatabase(at: databasePath, readOnly: true), path: databasePath)
    }
}
