import Foundation
import Model
import Synchronization

/// An audit sink in memory: durable at once, or failing when told to.
final class Recorder: AuditSink {
    private struct State {
        var records: [RequestRecord] = []
        var fails = false
    }

    private let state = Mutex(State())

    func append(
        _ entry: AuditEntry,
        until safety: RecordSafety,
        then: @escaping @Sendable (Result<Void, AuditFailure>) -> Void
    ) {
        let result: Result<Void, AuditFailure> = state.withLock { state in
            guard !state.fails else { return .failure(AuditFailure("no space left on the audit store")) }
            if case .request(let record) = entry { state.records.append(record) }
            return .success(())
        }
        then(result)
    }

    var records: [RequestRecord] { state.withLock { $0.records } }
    var denied: [RequestRecord] { records.filter { $0.verdict != .allow } }
    var allowed: [RequestRecord] { records.filter { $0.verdict == .allow } }

    func failFromNowOn() { state.withLock { $0.fails = true } }

    /// Waits, within a bound, for a record that is written without anybody waiting for it.
    func first(where matches: (RequestRecord) -> Bool) -> RequestRecord? {
        for _ in 0..<500 {
            if let found = records.first(where: matches) { return found }
            usleep(10_000)
        }
        return nil
    }
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

    func value(of credential: String) throws(CredentialFailure) -> String {
        delay()
        guard let value = values[credential] else { throw CredentialFailure("the source is down") }
        return value
    }

    func keptValue(of credential: String) -> String? { keeps ? values[credential] : nil }
}
