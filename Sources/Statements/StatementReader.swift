/// Reads what statements do, by PostgreSQL's own parser.
package enum StatementReader {
    /// What each statement of a text does, in their order; none for a text without any.
    package static func read(
        _ text: [UInt8],
        session: SessionSyntax = SessionSyntax()
    ) -> Result<[StatementFacts], StatementFault> {
        .failure(.unknown("everything"))
    }
}
