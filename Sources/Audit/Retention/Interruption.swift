internal import GRDB
internal import Synchronization

/// Ends a statement that looks through the whole log, and what goes through all runs.
///
/// The statement asks at each record, and what goes through runs at each. sqlite3_interrupt() would end the statement behind as well, also the COMMIT whose
/// failure leaves a transaction open.
final class Interruption: Sendable {
    /// In a condition it is true, or ends the statement.
    static let condition = "bailey_continues(sequence)"

    private let hasCome = Atomic(false)

    /// For the connection that runs such statements.
    var function: DatabaseFunction {
        DatabaseFunction("bailey_continues", argumentCount: 1) { [self] _ in
            try check()
            return true
        }
    }

    /// Throws when it has come, or something else wants an end.
    func check(or isStopped: () -> Bool = { false }) throws {
        guard hasCome.load(ordering: .relaxed) || isStopped() else { return }
        throw DatabaseError(resultCode: .SQLITE_INTERRUPT, message: "interrupted")
    }

    func come() { hasCome.store(true, ordering: .relaxed) }
}
