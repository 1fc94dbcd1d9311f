internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import Reflection
internal import Synchronization

/// What all connections share: ports, threads, certificates, limits.
struct Gatehouse: Sendable {
    let audit: any AuditSink
    let credentials: any CredentialSource
    let limits: GatewayLimits
    let outward: Outward
    let tls: UpstreamTLS
    let contexts: InterceptionContexts
    let placeholders: PlaceholderPatterns
    /// How the credentials that were put in last are looked for in replies.
    let spellings: SpellingsCache
    /// The certificates that were shown last.
    let identities = ClientIdentities()
    /// For what may block: the system resolver, credential sources.
    let work: BlockingWork
    let budget: ConnectionBudget
    let exchanges = ExchangeNumbers()
    let witnesses: Witnesses
    let keys = PostgresKeys()
    let roles = SessionRoles()
    let bodies: BodyRecords
    /// Nil where nobody can be asked.
    let approver: (any Approver)?
    /// One for each loop, by the loop's identity.
    let pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>]
    /// Whose coded bodies are looked through next, the same way.
    let searches: [ObjectIdentifier: NIOLoopBoundBox<SearchTurns>]
    /// What statements do that were read before, the same way.
    let texts: [ObjectIdentifier: NIOLoopBoundBox<KnownStatements>]
}

/// Numbers the requests that are allowed, from 1: unique in a run, since one supervisor has all of it.
final class ExchangeNumbers: Sendable {
    private let last = Atomic<UInt64>(0)

    func next() -> UInt64 { last.add(1, ordering: .relaxed).newValue }
}
