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
    /// The one that was put in last stands last.
    private var idle: [UpstreamKey: [UpstreamLink]] = [:]
    private var sessions: [UpstreamKey: [UpstreamSession]] = [:]
    private var isSweepAwaited = false

    init(_ limits: GatewayLimits) {
        self.limits = limits
    }

    /// The most recently used idle connection: the one least likely to be closed by its server.
    func take(_ key: UpstreamKey) -> UpstreamLink? {
        while let link = idle[key]?.popLast() {
            if link.leave() { return link }
        }
        return nil
    }

    /// Keeps a connection whose exchange is complete, or closes it when there are enough.
    func put(_ link: UpstreamLink, _ key: UpstreamKey, on loop: any EventLoop) {
        guard idle[key, default: []].count < limits.idleUpstreams else { return link.close() }
        idle[key, default: []].append(link)
        link.enter(self, key)
        awaitSweep(on: loop)
    }

    /// Forgets a connection that ended while idle.
    func forget(_ link: UpstreamLink, _ key: UpstreamKey) {
        idle[key]?.removeAll { $0 === link }
    }

    /// One timer for all: a connection is idle for a moment at most before its next request, thousands of times a second.
    private func awaitSweep(on loop: any EventLoop) {
        guard !isSweepAwaited else { return }
        isSweepAwaited = true
        let me = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: .milliseconds(limits.idleUpstreamTime / 2)) { me.value.sweep(on: loop) }
    }

    /// Closes what has been idle for its time, and forgets the keys that have nothing left.
    private func sweep(on loop: any EventLoop) {
        isSweepAwaited = false
        let oldest = NIODeadline.now() - .milliseconds(limits.idleUpstreamTime)
        let overdue = idle.values.flatMap { links in links.prefix { $0.lastUse < oldest } }
        for link in overdue { link.leavePool() }
        idle = idle.filter { !$0.value.isEmpty }
        if !idle.isEmpty { awaitSweep(on: loop) }
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
