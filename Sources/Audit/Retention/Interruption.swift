internal import GRDB
internal import Synchronization

/// Ends a statement that looks through the whole log.
///
/// The statement asks at each record. sqlite3_interrupt() would end the statement behind as well, also the COMMIT whose
/// failure leaves a transaction open.
final class Interruption: Sendable {
    /// In a condition it is true, or ends the statement.
    static let condition = "bailey_continues(sequence)"

    private let hasCome = Atomic(false)

    /// For the connection that runs such statements.
    var function: DatabaseFunction {
        DatabaseFunction("bailey_continues", argumentCount: 1) { [self] _ in
            guard !hasCome.load(ordering: .relaxed) else {
                throw DatabaseError(resultCode: .SQLITE_INTERRUPT, message: "interrupted")
            }
            return true
        }
    }

    func come() { hasCome.store(true, ordering: .relaxed) }
}
