package import Model

/// What another policy makes of a decision that is on record.
package struct Hindsight: Sendable, Hashable {
    /// How the two differ.
    package enum Change: String, Sendable, Hashable, CaseIterable {
        case same
        case allowed = "newly-allowed"
        case asked = "newly-asked"
        case denied = "newly-denied"
        /// What it hangs on is not on record.
        case unknown = "cannot-tell"
    }

    /// What was decided: `ask` also where it was approved.
    package let was: Effect
    /// What would be; nil where nobody can tell.
    package let now: Effect?
    /// By what it would be decided so, or what is missing on record.
    package let reasons: [String]

    package var change: Change {
        guard let now else { return .unknown }
        guard now != was else { return .same }
        return switch now {
        case .allow: .allowed
        case .ask: .asked
        case .deny: .denied
        }
    }

    init(was: Effect, now: Effect?, _ reasons: [String]) {
        (self.was, self.now, self.reasons) = (was, now, reasons)
    }

    static func same(_ effect: Effect) -> Hindsight { Hindsight(was: effect, now: effect, []) }

    static func unknown(_ was: Effect, _ reason: String) -> Hindsight {
        Hindsight(was: was, now: nil, [reason])
    }
}

/// What one level says, as far as the record tells.
struct LevelFinding {
    /// Nil where nobody can tell.
    var effect: Effect?
    /// The rule that decided, or why.
    var reason: String
    /// The credential that its rules put in; nil for none.
    var credential: String?
    /// It names several: which of them is not told.
    var namesSeveral = false

    static func unknown(_ reason: String) -> LevelFinding { LevelFinding(effect: nil, reason: reason) }
}

extension RequestRecord {
    /// What the rules of all levels said together; the verdict where they were not asked.
    var ruled: Effect { levels.map(\.effect).max() ?? verdict }

    /// It was refused for what no rule says: what a rule let pass, or would not have been asked about.
    var isBeyondRules: Bool { levels.isEmpty || (verdict == .deny && ruled != .deny) }
}

/// Marks of what is not on record as it was.
enum RecordMarks {
    /// Masked (`SecretShapes.hidden`), or left off behind a bound.
    static func stand(in text: String) -> Bool {
        text.firstPlace(ofText: "***") != nil || text.firstPlace(ofText: "[cut: ") != nil
    }
}
