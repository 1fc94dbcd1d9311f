internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import Reflection

/// What all connections share: ports, threads, certificates, limits.
struct Gatehouse: Sendable {
    let audit: any AuditSink
    let credentials: any CredentialSource
    let limits: GatewayLimits
    let dialer: Dialer
    let tls: UpstreamTLS
    let contexts: InterceptionContexts
    let placeholders: PlaceholderPatterns
    /// How the credentials that were put in last are looked for in replies.
    let spellings = SpellingsCache()
    /// For what may block: the system resolver, credential sources.
    let work: BlockingWork
    let budget: ConnectionBudget
    /// One for each loop, by the loop's identity.
    let pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>]
}
