package import Model

/// The driver's own record of what was ruled on one connection.
///
/// Every action of an engine passes it before it is carried out, so that a fault in a protocol's folder cannot
/// send anything that nobody ruled on. A violation ends the connection; the ledger admits nothing after one.
///
/// ```
///   ask ──► asked ── ruled: allowed ──► allowed ── finished, refused ──► spent
///             └───── ruled: denied, read, refused ─────────────────────────────► spent
/// ```
///
/// Ids grow: one that is not larger than every earlier one and not open is spent.
package struct Ledger: Sendable {
    /// Questions open at one time on one connection: HTTP/2's customary 100 streams, with room.
    package static let maximumOpen = 128

    private enum Page: Sendable {
        case asked(Request)
        case allowed(Request)
    }

    /// Few at a time, most often one: a search from the front costs less than a hash.
    private var open: [(id: RulingID, page: Page)] = []
    private var highest: UInt64?
    private var isClosed = false

    package init() {}

    /// Admits one action, or says why the engine must not have it; then close both sides.
    package mutating func admit<Message>(_ action: EngineAction<Message>) throws(LedgerViolation) {
        guard !isClosed else { throw .closed }
        switch action {
        case .ask(let id, let request):
            try enter(id)
            guard open.count < Self.maximumOpen else { throw violation(.tooManyOpen) }
            open.append((id, .asked(request)))
        case .forward(_, _, let id), .masked(let id, _):
            guard case .allowed = page(id) else { throw violation(.notAllowed(id)) }
        case .finished(let id):
            guard case .allowed = remove(id) else { throw violation(.notAllowed(id)) }
        case .refused(let id, _, _):
            if remove(id) == nil { try enter(id) }
        case .reply:
            break
        case .handOver:
            guard open.isEmpty else { throw violation(.handOverWhileOpen) }
            isClosed = true
        case .close:
            open = []
            isClosed = true
        }
    }

    /// Writes down an answer, before the engine hears it.
    package mutating func ruled(_ id: RulingID, _ ruling: Ruling) throws(LedgerViolation) {
        guard !isClosed else { throw .closed }
        guard case .asked(let request) = remove(id) else { throw violation(.notAsked(id)) }
        switch ruling {
        case .allowed: open.append((id, .allowed(request)))
        case .denied, .read: break
        }
    }

    /// What was allowed under an id; nil unless it is allowed now.
    ///
    /// Its endpoint is the only one that may be dialled for it.
    package func allowedRequest(_ id: RulingID) -> Request? {
        if case .allowed(let request) = page(id) { request } else { nil }
    }

    private func page(_ id: RulingID) -> Page? {
        open.first { $0.id == id }?.page
    }

    private mutating func remove(_ id: RulingID) -> Page? {
        open.firstIndex { $0.id == id }.map { open.remove(at: $0).page }
    }

    private mutating func enter(_ id: RulingID) throws(LedgerViolation) {
        if let highest, id.number <= highest { throw violation(.reused(id)) }
        highest = id.number
    }

    private mutating func violation(_ violation: LedgerViolation) -> LedgerViolation {
        open = []
        isClosed = true
        return violation
    }
}

/// What an engine did that it must not.
package enum LedgerViolation: Error, Sendable, Hashable {
    /// An action after `close`, `handOver` or a violation.
    case closed
    /// A message or an end under an id that is not allowed now.
    case notAllowed(RulingID)
    /// A ruling under an id that is not waiting for one.
    case notAsked(RulingID)
    /// A question under an id that was used before.
    case reused(RulingID)
    /// More than `Ledger.maximumOpen` questions at one time.
    case tooManyOpen
    /// The connection handed over while a request was open on it.
    case handOverWhileOpen
}
