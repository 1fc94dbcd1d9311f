import Foundation
import Model
import Synchronization

/// An audit sink in memory: durable at once, or failing when told to.
final class Recorder: AuditSink {
    private struct State {
        var records: [RequestRecord] = []
        var replies: [Reply] = []
        var evidence: [ConnectionEvidence] = []
        var fails = false
        var whenAllowed: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// Does something once, while the next record of an allowance is being written.
    func whenAllowed(_ action: @escaping @Sendable () -> Void) {
        state.withLock { $0.whenAllowed = action }
    }

    private func isAllowance(_ entry: AuditEntry) -> Bool {
        if case .request(let record) = entry { record.verdict == .allow } else { false }
    }

    func append(
        _ entry: AuditEntry,
        until safety: RecordSafety,
        then: @escaping @Sendable (Result<Void, AuditFailure>) -> Void
    ) {
        if isAllowance(entry) { state.withLock { $0.whenAllowed.take() }?() }
        let result: Result<Void, AuditFailure> = state.withLock { state in
            guard !state.fails else { return .failure(AuditFailure("no space left on the audit store")) }
            if case .request(let record) = entry { state.records.append(record) }
            if case .replies(let record) = entry {
                state.replies += record.replies
                state.evidence += record.evidence ?? []
            }
            return .success(())
        }
        then(result)
    }

    var records: [RequestRecord] { state.withLock { $0.records } }
    var replies: [Reply] { state.withLock { $0.replies } }
    var evidence: [ConnectionEvidence] { state.withLock { $0.evidence } }
    var denied: [RequestRecord] { records.filter { $0.verdict != .allow } }
    var allowed: [RequestRecord] { records.filter { $0.verdict == .allow } }

    func failFromNowOn() { state.withLock { $0.fails = true } }

    /// Waits, within a bound, for a record that is written without anybody waiting for it.
    func first(where matches: (RequestRecord) -> Bool) -> RequestRecord? {
        for _ in 0..<6_000 {
            if let found = records.first(where: matches) { return found }
            usleep(10_000)
        }
        return nil
    }
}

/// Recorded bodies in memory; refused when told to.
final class Bodies: BodySink {
    private struct State {
        var bodies: [BodyPlace: [UInt8]] = [:]
        var end: UInt64 = 0
        var refuses = false
        var waits = false
        var asked = 0
    }

    private let state = Mutex(State())

    func refusal(of run: String) -> AuditFailure? { nil }

    func append(_ octets: [UInt8], to body: BodyPlace) throws(AuditFailure) -> Range<UInt64> {
        state.withLock { $0.asked += octets.count }
        while state.withLock({ $0.waits }) { usleep(1_000) }
        let place = state.withLock { state -> Range<UInt64>? in
            guard !state.refuses else { return nil }
            let start = state.end
            state.bodies[body, default: []] += octets
            state.end += UInt64(octets.count)
            return start..<state.end
        }
        guard let place else { throw AuditFailure("no space left for recordings") }
        return place
    }

    func octets(_ side: BodySide) -> [[UInt8]] {
        state.withLock { $0.bodies.filter { $0.key.side == side }.map(\.value) }
    }

    /// Octets that were to be recorded, whether they are or not.
    var asked: Int { state.withLock { $0.asked } }

    func refuseFromNowOn() { state.withLock { $0.refuses = true } }

    /// Lets nobody through until it is told to.
    func hold(_ waits: Bool) { state.withLock { $0.waits = waits } }
}

/// Credentials in memory.
struct Vault: CredentialSource {
    var placeholders: [Placeholder] = []
    var bindings: [String: CredentialBinding] = [:]
    var values: [String: String] = [:]
    /// Whether values are at hand, so that nobody is asked.
    var keeps = false
    /// Runs before a value is given, on the thread that asks for it.
    var delay: @Sendable () -> Void = {}

    func binding(of credential: String) -> CredentialBinding? { bindings[credential] }

    func value(
        of credential: String,
        for lineage: Lineage
    ) throws(CredentialFailure) -> CredentialValue {
        delay()
        guard let value = values[credential] else { throw CredentialFailure("the source is down") }
        return CredentialValue(value)
    }

    func keptValue(of credential: String, for lineage: Lineage) -> CredentialValue? {
        keeps ? values[credential].map { CredentialValue($0) } : nil
    }
}
