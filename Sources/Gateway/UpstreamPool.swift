internal import Model
internal import NIOCore

/// What an idle upstream connection may be used again for: one agent, one endpoint, one client certificate or none.
struct UpstreamKey: Hashable {
    let agent: AgentID
    let endpoint: Endpoint
    let identity: ClientIdentity?
}

/// Idle upstream connections and open sessions of one loop, by their key, so that nothing crosses agents or
/// client certificates.
final class UpstreamPool {
    private let limits: GatewayLimits
    private var idle: [UpstreamKey: [UpstreamLink]] = [:]
    private var sessions: [UpstreamKey: [UpstreamSession]] = [:]

    init(_ limits: GatewayLimits) {
        self.limits = limits
    }

    /// The most recently used idle connection: the one least likely to be closed by its server.
    func take(_ key: UpstreamKey) -> UpstreamLink? {
        while let link = idle[key]?.popLast() {
            if idle[key]?.isEmpty == true { idle[key] = nil }
            if link.leave() { return link }
        }
        return nil
    }

    /// Keeps a connection whose exchange is complete, or closes it when there are enough.
    func put(_ link: UpstreamLink, _ key: UpstreamKey) {
        guard idle[key, default: []].count < limits.idleUpstreams else { return link.close() }
        idle[key, default: []].append(link)
        link.enter(self, key, for: .milliseconds(limits.idleUpstreamTime))
    }

    /// Forgets a connection that ended while idle.
    func forget(_ link: UpstreamLink, _ key: UpstreamKey) {
        idle[key]?.removeAll { $0 === link }
        if idle[key]?.isEmpty == true { idle[key] = nil }
    }

    /// A session that takes another stream.
    func session(_ key: UpstreamKey) -> UpstreamSession? {
        sessions[key]?.last { $0.hasRoom }
    }

    /// Keeps a session for as long as it takes streams.
    func put(_ session: UpstreamSession, _ key: UpstreamKey) {
        sessions[key, default: []].append(session)
        session.whenLeaving = { [unowned session] in self.forget(session, key) }
    }

    private func forget(_ session: UpstreamSession, _ key: UpstreamKey) {
        sessions[key]?.removeAll { $0 === session }
        if sessions[key]?.isEmpty == true { sessions[key] = nil }
    }
}
