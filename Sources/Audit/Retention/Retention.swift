package import Model

/// For how long records are kept, and how much of them.
package struct Retention: Sendable, Hashable {
    /// Milliseconds since the last record of a run; nil for ever.
    package var age: UInt64?
    /// Octets of the log and the recorded bodies together; nil for any number.
    package var size: UInt64?

    package init(age: UInt64? = nil, size: UInt64? = nil) {
        (self.age, self.size) = (age, size)
    }

    /// Nothing is too old or too much.
    package var isEndless: Bool { age == nil && size == nil }
}

/// What a pruning has to know of the machine.
package struct LivingRuns: Sendable {
    /// Runs with an agent that lives, as supervisors say.
    package let runs: Set<String>
    /// When this machine started: no agent from before it lives.
    package let boot: Timestamp
    package let now: Timestamp
    /// From when on the age counts of what is on record from before it: of when that was there is doubt.
    package let doubtedBefore: Timestamp?

    package init(runs: Set<String>, boot: Timestamp, now: Timestamp, doubtedBefore: Timestamp? = nil) {
        (self.runs, self.boot, self.now, self.doubtedBefore) = (runs, boot, now, doubtedBefore)
    }

    /// Milliseconds since a run's last record.
    func age(of run: StoredRun) -> Int64 {
        now.milliseconds(since: max(run.last, doubtedBefore ?? run.last))
    }
}

extension Timestamp {
    /// As near as it can be said: what is on the disk may have been changed to anything.
    package func milliseconds(since earlier: Timestamp) -> Int64 {
        let (time, isBeyond) = milliseconds.subtractingReportingOverflow(earlier.milliseconds)
        return isBeyond ? (earlier < self ? .max : .min) : time
    }
}

/// A run as the log has it.
package struct StoredRun: Sendable, Hashable {
    package let run: String
    package let records: Int64
    /// Octets of its records, by estimate, and of its recorded bodies.
    package let octets: UInt64
    package let last: Timestamp
    /// From its first record to its last; others' lie in between.
    let sequences: ClosedRange<Int64>
}

/// What is pruned and what is not, and why.
package struct PruningPlan: Sendable, Hashable {
    /// Oldest first.
    package internal(set) var pruned: [StoredRun] = []
    /// Those that would be, and are kept.
    package internal(set) var kept: [Kept] = []
    /// Runs that were pruned before, and whose recorded bodies are there still.
    package internal(set) var leftovers: [String] = []
    /// Octets of the log and the recorded bodies together; without those that are left over.
    package internal(set) var size: UInt64 = 0
    /// Octets beyond the size that they are to have, when this is carried out: of what is held, or too young to go for it.
    package internal(set) var excess: UInt64 = 0

    /// Whether there is nothing to do.
    package var isEmpty: Bool { pruned.isEmpty && leftovers.isEmpty }

    /// The oldest of the runs, with so many records together, and one in any case; the rest is for another time.
    package func limited(toRecords most: Int64) -> PruningPlan {
        var plan = self
        var records: Int64 = 0
        plan.pruned = pruned.enumerated().prefix { number, run in
            records = records.addingReportingOverflow(run.records).partialValue
            return number == 0 || records <= most
        }.map(\.element)
        return plan
    }

    package struct Kept: Sendable, Hashable {
        package let run: String
        package let reason: String
    }
}
