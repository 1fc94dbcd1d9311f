import Model
import NIOCore
import Reflection
import WebSocketProtocol

/// What an agent sends through a WebSocket: a placeholder is on its way out, as in a body, and so is what must not leave.
struct OutwardPayload: PayloadStage {
    private let patterns: PlaceholderPatterns
    /// Reads on from message to message, so that cutting one in two hides nothing.
    private var scan: PlaceholderScan
    /// Reads one message.
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
            if isLast { leaks = leaks.fresh() }
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

/// What comes back through one: the credential that was put into its opening is masked, across the frames of a message.
struct InwardPayload: PayloadStage {
    private let spellings: SecretSpellings?
    private var mask: ReflectionMask?
    /// Whether anything was masked yet.
    private(set) var hasFound = false

    init(masking spellings: SecretSpellings?) {
        self.spellings = spellings
        mask = spellings.map { ReflectionMask($0) }
    }

    mutating func pass(
        _ payload: ByteBuffer,
        of kind: PayloadKind,
        isLast: Bool
    ) throws(WebSocketFault) -> ByteBuffer {
        guard let spellings, let mask else { return payload }
        // A control frame may stand between two frames of a message.
        var own = kind == .control ? ReflectionMask(spellings) : mask
        var passed = own.mask(payload)
        if isLast {
            var rest = own.finish()
            passed.writeBuffer(&rest)
        }
        hasFound = hasFound || own.hasFound
        if kind != .control { self.mask = isLast ? ReflectionMask(spellings) : own }
        return passed
    }
}
