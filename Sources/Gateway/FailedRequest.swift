internal import Model
internal import NIOCore

extension Resident {
    /// Puts on record what befell a request whose allowance may be there and must have no effect: it may be on this disk, and
    /// not in the database where it has to be as well.
    func note(_ failed: RequestRecord, on loop: any EventLoop, _ audit: any AuditSink) {
        guard mayRecord(failed, on: loop, audit) else { return }
        audit.append(.request(failed), until: .written) { _ in }
    }
}

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
