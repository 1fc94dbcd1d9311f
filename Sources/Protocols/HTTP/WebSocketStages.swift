import Masking
import Model
import NIOCore
import Reflection
import WebSocketProtocol

/// What an agent sends through a WebSocket: a placeholder is on its way out, as in a body, and so is what must not leave.
struct OutwardPayload: PayloadStage {
    private let patterns: PlaceholderPatterns
    /// Reads on from message to message, so that cutting one in two hides nothing.
    private var scan: PlaceholderScan
    /// Reads on as well for credentials, and message by message for what has a form: words of two make it by chance.
    private var leaks: LeakSearch
    private let lineage: Lineage

    init(_ patterns: PlaceholderPatterns, _ leaks: LeakSearch, _ lineage: Lineage) {
        self.patterns = patterns
        self.leaks = leaks.fresh()
        self.lineage = lineage
        scan = PlaceholderScan(patterns)
    }

    mutating func pass(
        _ payload: ByteBuffer,
        of kind: PayloadKind,
        isLast: Bool
    ) throws(WebSocketFault) -> ByteBuffer {
        if kind == .control {
            var own = PlaceholderScan(patterns)
            try refuse(own.scan(payload))
            var message = leaks.fresh()
            try check(payload, isLast: true, &message)
        } else {
            try refuse(scan.scan(payload))
            try check(payload, isLast: isLast, &leaks)
            if isLast { leaks.nextMessage() }
        }
        return payload
    }

    private func check(
        _ payload: ByteBuffer,
        isLast: Bool,
        _ search: inout LeakSearch
    ) throws(WebSocketFault) {
        do {
            try search.check(payload, isLast: isLast, lineage)
        } catch {
            throw WebSocketFault(error.denial.reason, error.denial.message)
        }
    }

    private func refuse(_ found: Placeholder?) throws(WebSocketFault) {
        guard let found else { return }
        let denial = Credentials.misused(found, "a WebSocket message").denial
        throw WebSocketFault(denial.reason, denial.message)
    }
}

/// What comes back through one: the credential that was put into its opening is masked, across the frames of a message,
/// and so is in its text what a rule masks.
struct InwardPayload: PayloadStage {
    private var spellings: SecretSpellings?
    private let kinds: MaskKinds
    /// Of the message under way.
    private var search: MessageSearch
    /// Whether the credential was masked yet.
    private(set) var hasFound = false
    /// How many of each kind were, in the messages that have ended.
    private var ended: [MaskKind: Int] = [:]
    /// How many of each kind were.
    var counts: [MaskKind: Int] { ended.merging(search.counts) { $0 + $1 } }

    /// What is the same of every message.
    init(masking spellings: SecretSpellings?, _ kinds: MaskKinds = []) {
        self.spellings = spellings
        self.kinds = kinds
        search = MessageSearch(spellings, kinds)
    }

    /// Looks for what the server was sent since from here on.
    mutating func look(for later: SecretSpellings) {
        guard later !== spellings else { return }
        spellings = later
        search.look(for: later)
    }

    mutating func pass(
        _ payload: ByteBuffer,
        of kind: PayloadKind,
        isLast: Bool
    ) throws(WebSocketFault) -> ByteBuffer {
        guard kinds.isEmpty || kind != .binary else { throw Self.opaque }
        guard spellings != nil || !kinds.isEmpty else { return payload }
        guard kind != .control else {
            // It may stand between two frames of a message.
            var own = MessageSearch(spellings, kinds)
            defer { note(own) }
            return try own.pass(payload, isLast: true)
        }
        let passed = try search.pass(payload, isLast: isLast)
        if isLast { note(search) } else { hasFound = hasFound || search.hasFound }
        if isLast { search = search.next(MessageSearch(spellings, kinds)) }
        return passed
    }

    private mutating func note(_ search: MessageSearch) {
        hasFound = hasFound || search.hasFound
        ended.merge(search.counts) { $0 + $1 }
    }

    private static var opaque: WebSocketFault {
        WebSocketFault(
            .upstreamFailed,
            "the server sent a binary message, which cannot be masked as the rule demands",
            remedy: SearchFault.withoutMask
        )
    }
}

/// Looks through one message that comes back.
private struct MessageSearch {
    private var reflection: ReflectionChain
    private var mask: TextMask?

    init(_ spellings: SecretSpellings?, _ kinds: MaskKinds) {
        reflection = ReflectionChain([spellings].compactMap(\.self))
        // Text of most protocols is JSON; what is escaped as there is read in other text as well.
        mask = kinds.isEmpty ? nil : TextMask(kinds, .backslash)
    }

    var hasFound: Bool { reflection.hasFound }

    var counts: [MaskKind: Int] { mask?.counts ?? [:] }

    mutating func look(for later: SecretSpellings) { reflection.add(later) }

    mutating func pass(_ payload: ByteBuffer, isLast: Bool) throws(WebSocketFault) -> ByteBuffer {
        var passed = reflection.mask(payload)
        if isLast {
            var rest = reflection.release()
            passed.writeBuffer(&rest)
        }
        guard mask != nil else { return passed }
        guard var masked = mask?.mask(passed) else { throw Self.unsearchable }
        if isLast {
            guard var rest = mask?.finish() else { throw Self.unsearchable }
            masked.writeBuffer(&rest)
        }
        return masked
    }

    /// The message behind it: the credential is followed over the border, so that the rest of one cut in two is masked.
    func next(_ fresh: MessageSearch) -> MessageSearch {
        var next = self
        next.mask = fresh.mask
        return next
    }

    private static var unsearchable: WebSocketFault {
        WebSocketFault(
            .upstreamFailed,
            "the server's message \(SearchFault.noSearch)",
            remedy: SearchFault.noSearch.remedy
        )
    }
}
