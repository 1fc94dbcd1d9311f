/// How many refusals of one agent, of launches or of requests, are on record one by one: each record is signed and
/// kept, and asking costs the agent next to nothing.
package struct RefusalWindow: Sendable {
    /// Refusals on record within one window: more than a build that misses a program would have.
    package static let maximumRecorded = 64
    /// Milliseconds of a window.
    package static let length: UInt64 = 10_000

    /// What becomes of one more refusal.
    package enum Place: Sendable, Hashable {
        case recorded
        /// Counted; the sum is on record when the window ends.
        case counted
    }

    /// Refusals of this window that are on record.
    package private(set) var recorded = 0
    private var counted = 0
    /// Monotonic milliseconds at which it ends; nil while nothing was refused.
    private var end: UInt64?

    package init() {}

    /// Whether no more are recorded until the window ends.
    package func isFull(at now: UInt64) -> Bool { (end ?? 0) > now && recorded >= Self.maximumRecorded }

    /// When the sum has to be recorded; nil when there is none.
    package var deadline: UInt64? { counted > 0 ? end : nil }

    package mutating func add(at now: UInt64) -> Place {
        if (end ?? 0) <= now, counted == 0 {
            recorded = 0
            end = now.addingReportingOverflow(Self.length).partialValue
        }
        guard recorded >= Self.maximumRecorded else {
            recorded += 1
            return .recorded
        }
        counted += 1
        return .counted
    }

    /// The number of refusals that are not on record one by one, once; nil when there are none.
    package mutating func takeSum() -> Int? {
        guard counted > 0 else { return nil }
        defer { self = RefusalWindow() }
        return counted
    }
}
