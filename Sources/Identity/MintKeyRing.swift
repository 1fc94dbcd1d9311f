package import Foundation

/// The keys that vouch for agents, each with those that follow it.
///
/// What signs and what is published depends on when each was made and on the moment alone, so that supervisors that read the
/// same files agree.
package struct MintKeyRing: Sendable {
    /// Both keys of one making.
    package struct Generation: Sendable {
        /// Counted from 1.
        package let number: Int
        package let keys: MintKeys

        package init(_ number: Int, _ keys: MintKeys) {
            (self.number, self.keys) = (number, keys)
        }
    }

    package let schedule: KeySchedule
    private let first: Generation
    /// Ascending.
    private let later: [Generation]

    /// Those that there are, ascending; nil where there is none.
    package init?(_ generations: [Generation], schedule: KeySchedule = KeySchedule()) {
        guard let first = generations.first else { return nil }
        (self.first, later, self.schedule) = (first, Array(generations.dropFirst()), schedule)
    }

    /// One that is followed by none.
    package init(_ keys: MintKeys) {
        (first, later, schedule) = (Generation(1, keys), [], KeySchedule())
    }

    package var generations: [Generation] { [first] + later }

    package var newest: Generation { later.last ?? first }

    /// The newest that has been published for long enough, or else the first.
    package func signing(at now: Date) -> Generation { later.last { takesOver($0) <= now } ?? first }

    /// When a generation that follows another signs.
    package func takesOver(_ generation: Generation) -> Date { generation.keys.made + schedule.ahead }

    /// When the generation behind the newest is made.
    package var nextIsDue: Date { newest.keys.made + schedule.life }

    /// Those by which a token may be verified that is good at a moment, or will be.
    func tokens(at now: Date) -> [Generation] { published(at: now, for: KeySchedule.tokenTail) }

    /// The same of certificates.
    func authorities(at now: Date) -> [Generation] { published(at: now, for: KeySchedule.certificateTail) }

    /// Those of no use any more.
    package func retired(at now: Date) -> [Generation] {
        let kept = authorities(at: now).first?.number ?? first.number
        return generations.filter { $0.number < kept }
    }

    private func published(at now: Date, for tail: TimeInterval) -> [Generation] {
        // The last that signs longer than the tail: what is before it has signed nothing that is good.
        let start = later.last { takesOver($0) + tail <= now } ?? first
        return generations.filter { $0.number >= start.number }
    }

    /// Counts the bundles that there have been: more at each key that comes or goes.
    func sequence(at now: Date) -> Int {
        [tokens(at: now).first, authorities(at: now).first].reduce(newest.number) { sum, oldest in
            sum + (oldest?.number ?? 1) - 1
        }
    }
}
