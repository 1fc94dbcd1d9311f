/// What process held an agent's end of connections, when somebody looked: evidence, never grounds for a decision.
///
/// The agent may have handed the connection on before, and the process may be gone or another program since.
package struct ConnectionEvidence: Sendable, Hashable, Codable {
    /// Those of the requests that came over them, in the same run.
    package var connections: [UInt64]
    /// Who held them, and its parents up to the agent's init; empty where nobody was found.
    package let processes: [ProcessEvidence]
    /// Why nobody was found; nil where somebody was.
    package let missing: String?

    package init(connections: [UInt64], processes: [ProcessEvidence], missing: String? = nil) {
        self.connections = connections
        self.processes = processes
        self.missing = missing
    }

    /// Whether it says the same, of other connections.
    package func agrees(with other: Self) -> Bool {
        processes == other.processes && missing == other.missing
    }
}

/// One process as procfs showed it.
package struct ProcessEvidence: Sendable, Hashable, Codable {
    /// Its number inside the agent.
    package let pid: Int32
    /// Path of its program inside the agent, and the SHA-256 of that file in lower-case hex; nil where they could not be
    /// read.
    package let program: String?
    package let programDigest: String?
    package let argv: [String]

    package init(pid: Int32, program: String?, programDigest: String?, argv: [String]) {
        self.pid = pid
        self.program = program
        self.programDigest = programDigest
        self.argv = argv
    }
}

/// Both ends of a TCP connection.
package struct ConnectionEnds: Sendable, Hashable {
    package let agent: IPAddress
    package let agentPort: UInt16
    package let peer: IPAddress
    package let peerPort: UInt16

    package init(agent: IPAddress, agentPort: UInt16, peer: IPAddress, peerPort: UInt16) {
        self.agent = agent
        self.agentPort = agentPort
        self.peer = peer
        self.peerPort = peerPort
    }
}

/// Finds the processes behind an agent's connections.
package protocol ProcessWitness: Sendable {
    /// The process that holds the agent's end now, and its parents up to the agent's init.
    ///
    /// Blocks for as long as procfs and the disk with its program take.
    func holder(of connection: ConnectionEnds) throws(WitnessFailure) -> [ProcessEvidence]
}

/// Why nobody was found.
package struct WitnessFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
