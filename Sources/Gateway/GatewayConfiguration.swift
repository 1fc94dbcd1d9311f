package import Model

/// What the operator decides about the gateway; never an agent's matter.
package struct GatewayConfiguration: Sendable {
    /// Event loops; each serves its connections alone.
    ///
    /// One for each core is right.
    package var loops: Int
    /// Names that the gateway resolves itself (`resolve` in `bailey.yaml`), before any other resolver.
    package var resolve: [DNSName: IPAddress]
    /// A PEM file with further roots for upstream certificates (`upstream-ca`); the system's always count.
    package var upstreamRoots: String?
    /// Who answers for names that are not in `resolve`.
    package var names: any NameLookup
    package var limits: GatewayLimits
    /// Where this user's approvals are answered: whatever rules say, no agent is connected there.
    package var closed: (address: IPAddress, port: UInt16)?
    /// What answers in place of every server; nil where they are connected to.
    package var answers: (any AnswerSource)?

    package init(
        loops: Int,
        resolve: [DNSName: IPAddress] = [:],
        upstreamRoots: String? = nil,
        names: any NameLookup = SystemNames(),
        limits: GatewayLimits = GatewayLimits(),
        closed: (address: IPAddress, port: UInt16)? = nil,
        answers: (any AnswerSource)? = nil
    ) {
        self.loops = loops
        self.resolve = resolve
        self.upstreamRoots = upstreamRoots
        self.names = names
        self.limits = limits
        self.closed = closed
        self.answers = answers
    }
}

/// The gateway could not be started, or could not take an agent.
package struct GatewayFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) {
        self.message = message
    }

    package var description: String { message }
}
