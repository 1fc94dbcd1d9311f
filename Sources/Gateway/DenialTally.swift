package import Model
internal import NIOCore
internal import Synchronization

/// Which denials of one agent are on record one by one: the first of each window, then the first of each place for each
/// reason, so that no flood hides where else it tried; the rest is counted and summed up.
///
/// Every one of them is denied all the same.
package struct DenialTally: Sendable {
    /// What becomes of the record of one more denial.
    package enum Verdict: Sendable, Hashable {
        case recorded
        /// Counted; the sum is due in so many milliseconds when it is the first of its window.
        case counted(sumDue: UInt64?)
    }

    /// Places that are recorded when the window is full.
    package static let maximumPlaces = 64

    private struct Place: Hashable {
        let reason: Denial.Reason?
        let resource: String
    }

    private var window = RefusalWindow()
    private var places: Set<Place> = []
    /// The last that was counted.
    private var last: RequestRecord?
    /// All denials of the agent, on record one by one or not.
    ///
    /// Of what befell requests that were allowed those alone that policy refused after all, and those that no recording has.
    package private(set) var total: UInt64 = 0

    package init() {}

    /// - Parameters:
    ///   - record: of the denial.
    ///   - now: monotonic milliseconds.
    /// - Returns: whether to write it.
    package mutating func add(_ record: RequestRecord, at now: UInt64) -> Verdict {
        if record.matter == .decision || Self.isRefusal(record.reason) {
            total = total.addingReportingOverflow(1).partialValue
        }
        let place = Place(reason: record.reason, resource: record.resource)
        if window.isFull(at: now), places.count < Self.maximumPlaces, places.insert(place).inserted {
            return .recorded
        }
        let isFirst = window.deadline == nil
        guard window.add(at: now) == .counted else {
            if window.recorded == 1 { places = [] }
            return .recorded
        }
        last = record
        return .counted(sumDue: isFirst ? window.deadline.map { $0 > now ? $0 - now : 0 } : nil)
    }

    /// Whether it is policy that ends a request which was allowed: where its name leads, what it carries; or offline that it is not in
    /// the recording.
    private static func isRefusal(_ reason: Denial.Reason?) -> Bool {
        switch reason {
        case .forbiddenAddress, .placeholderMisused, .secretLeaving, .notRecorded: true
        case .noRule, .denied, .approvalNeeded, .approvalDenied, .approvalUnanswered, .nameMismatch,
            .protocolMismatch, .malformed, .credentialUnavailable, .revoked, .principalExpired,
            .auditUnavailable, .upstreamFailed, .overBudget, .unsupported, nil:
            false
        }
    }

    /// The record of what is not on record one by one, once; nil when there is nothing.
    package mutating func takeSum() -> RequestRecord? {
        guard let count = window.takeSum(), let last else { return nil }
        places = []
        return RequestRecord(
            lineage: last.lineage,
            action: "further requests",
            resource: last.resource,
            verdict: .deny,
            levels: [],
            reason: last.reason,
            message: "\(count) more requests were refused within \(RefusalWindow.length / 1_000) s, which are"
                + " not on record one by one; this names the place of the last"
        )
    }
}

extension Resident {
    /// How many of its requests were refused, and destinations of its datagrams.
    var refused: UInt64 {
        let datagrams = datagrams.withLock { $0.total }
        return denials.withLock { $0.total }.addingReportingOverflow(datagrams).partialValue
    }

    /// Counts a denial; false when the sum will speak for it.
    ///
    /// - Parameters:
    ///   - record: of the denial.
    ///   - loop: which writes the sum when the window ends.
    ///   - audit: where to.
    /// - Returns: whether it is to be recorded by itself.
    func mayRecord(_ record: RequestRecord, on loop: any EventLoop, _ audit: any AuditSink) -> Bool {
        let now = NIODeadline.now().uptimeNanoseconds / 1_000_000
        switch denials.withLock({ $0.add(record, at: now) }) {
        case .recorded: return true
        case .counted(nil): return false
        case .counted(let due?):
            loop.scheduleTask(in: .milliseconds(Int64(clamping: due))) { self.sumUpDenials(audit) }
            return false
        }
    }

    /// Writes how many denials no record of their own speaks for.
    func sumUpDenials(_ audit: any AuditSink) {
        guard let sum = denials.withLock({ $0.takeSum() }) else { return }
        audit.append(.request(sum), until: .written) { _ in }
    }
}
