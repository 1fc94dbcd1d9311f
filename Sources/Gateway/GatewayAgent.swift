package import Model
package import Policy

/// An agent as the supervisor hands it to the gateway.
package struct GatewayAgent: Sendable {
    /// What the agent and its ancestors may do; `Gateway.update` replaces it.
    package var policy: LineagePolicy
    /// Ends when the agent, one above it, or its principal is revoked.
    package var epoch: RevocationEpoch
    /// A listening, dual-stack TCP socket made in the agent's network namespace.
    ///
    /// Ownership passes to the gateway.
    package var listener: Int32
    /// A bound UDP socket on port 53 of that namespace, dual stack; nil without one.
    ///
    /// Ownership passes as well.
    package var resolver: Int32?
    /// Raw ICMP and ICMPv6 sockets of that namespace, which hear of datagrams that it refused; none for tests
    /// without a namespace.
    ///
    /// Ownership passes as well.
    package var refusals: [Int32]
    /// Finds the processes behind its connections, for the record; nil where nobody can.
    package var witness: (any ProcessWitness)?
    /// The namespace's cookie (`SO_NETNS_COOKIE`); nil skips the check, for tests outside a namespace.
    package var namespaceCookie: UInt64?
    /// Where a connection was going when it was captured, from its local address and port.
    ///
    /// With transparent capture that is the local address itself.
    package var destination: @Sendable (IPAddress, UInt16) -> (IPAddress, UInt16)

    package init(
        policy: LineagePolicy,
        epoch: RevocationEpoch = RevocationEpoch(),
        listener: Int32,
        resolver: Int32?,
        refusals: [Int32] = [],
        witness: (any ProcessWitness)? = nil,
        namespaceCookie: UInt64?,
        destination: @escaping @Sendable (IPAddress, UInt16) -> (IPAddress, UInt16) = { ($0, $1) }
    ) {
        self.policy = policy
        self.epoch = epoch
        self.listener = listener
        self.resolver = resolver
        self.refusals = refusals
        self.witness = witness
        self.namespaceCookie = namespaceCookie
        self.destination = destination
    }

    /// Every socket, in the order in which the gateway takes them.
    var sockets: [Int32] { (resolver.map { [$0] } ?? []) + refusals + [listener] }

    package var id: AgentID { policy.lineage.agent.agent }
}
