internal import Model

extension RequestRecord {
    /// What befell a request that is on record as allowed.
    func failed(_ denial: Denial) -> RequestRecord {
        RequestRecord(
            lineage: lineage,
            action: action,
            resource: resource,
            exchange: exchange,
            verdict: .deny,
            levels: [],
            reason: denial.reason,
            message: denial.message
        )
    }
}
