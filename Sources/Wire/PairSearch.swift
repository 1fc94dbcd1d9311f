internal import Dispatch
internal import Literals
internal import Synchronization

/// The pairs of a `PairFilter`, looked for by vector instructions: for long texts that hold few of them.
///
/// Made when first asked for, which takes milliseconds, and beside whoever asks: until then there is none.
final class PairSearch: Sendable {
    private enum State {
        case none
        case making
        /// Nil where the processor lacks what it needs.
        case made(LiteralSet?)
    }

    private let pairs: [[UInt8]]
    private let state = Mutex(State.none)

    /// In either case.
    init(_ pairs: [[UInt8]]) { self.pairs = pairs }

    /// Looks for the first of them; failed as long as that cannot be done so.
    func first(in text: RawSpan) -> LiteralSet.First { literals?.first(in: text) ?? .failed }

    private var literals: LiteralSet? {
        state.withLock { state in
            if case .made(let set) = state { return set }
            if case .none = state {
                state = .making
                DispatchQueue.global(qos: .utility).async { self.make() }
            }
            return nil
        }
    }

    private func make() {
        let set = LiteralSet(pairs, inAnyCase: true)
        state.withLock { $0 = .made(set) }
    }
}
