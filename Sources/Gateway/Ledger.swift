internal import Wire

/// The driver's own account of what was asked and allowed: an engine with a bug cannot forward a byte that
/// nobody ruled on.
struct Ledger {
    private var asked: Set<RulingID> = []
    private var allowed: Set<RulingID> = []

    /// Notes a question; false when the id was used before and is still open.
    mutating func asked(_ id: RulingID) -> Bool {
        !allowed.contains(id) && asked.insert(id).inserted
    }

    /// Notes an answer; false when nobody asked.
    mutating func ruled(_ id: RulingID, _ ruling: Ruling) -> Bool {
        guard asked.remove(id) != nil else { return false }
        if case .allowed = ruling { allowed.insert(id) }
        return true
    }

    func mayForward(under id: RulingID) -> Bool { allowed.contains(id) }

    mutating func finished(_ id: RulingID) {
        asked.remove(id)
        allowed.remove(id)
    }
}
