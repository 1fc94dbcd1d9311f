/// How many control connections agents may have: each leaves some to others.
///
/// One that is over has its place until what was sent over it is closed: an agent that sends what takes long
/// to close waits for it, and nobody else does.
package struct ConnectionPlaces: Sendable {
    /// Connections of one agent, or of all.
    package struct Count: Sendable {
        let open: Int
        /// Over, with descriptors that wait to be closed.
        let closing: Int

        package init(open: Int, closing: Int) {
            (self.open, self.closing) = (open, closing)
        }
    }

    /// What becomes of the next connection of an agent's.
    package enum Answer: Sendable {
        case take
        /// It hears that there are too many.
        case turnAway
        /// It is not even accepted: it may bring as much as those that are being closed.
        case wait
    }

    private let ofAll: Int
    private let ofOne: Int

    package init(ofAll: Int, ofOne: Int) {
        (self.ofAll, self.ofOne) = (ofAll, ofOne)
    }

    /// Who has many leaves some to others, however few there may be in all.
    package func answer(to agent: Count, of all: Count) -> Answer {
        let left = max(0, ofAll - all.open - all.closing)
        if agent.open + agent.closing < min(ofOne, 2 * left) { return .take }
        return agent.closing > 0 ? .wait : .turnAway
    }
}
