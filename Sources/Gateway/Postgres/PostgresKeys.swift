internal import Model
internal import NIOCore
internal import PostgresProtocol
internal import Synchronization

/// The keys by which clients cancel what their sessions do, each with the server's own.
///
/// An agent cancels only what is its own: a key is good for the agent that was given it.
final class PostgresKeys: Sendable {
    private struct Place: Hashable {
        let agent: AgentID
        let key: BackendKey
    }

    private let sessions = Mutex<[Place: PostgresCancellation]>([:])

    /// A key for a new session, until it is withdrawn.
    func issue(for agent: AgentID, _ cancellation: PostgresCancellation) -> BackendKey {
        sessions.withLock { sessions in
            while true {
                // A process number is positive (pid_t); the key is what nobody guesses.
                let key = BackendKey(
                    process: .random(in: 1...UInt32(Int32.max)),
                    key: .random(in: .min ... .max)
                )
                let place = Place(agent: agent, key: key)
                guard sessions[place] == nil else { continue }
                sessions[place] = cancellation
                return key
            }
        }
    }

    func withdraw(_ key: BackendKey, of agent: AgentID) {
        sessions.withLock { $0[Place(agent: agent, key: key)] = nil }
    }

    func session(_ key: BackendKey, of agent: AgentID) -> PostgresCancellation? {
        sessions.withLock { $0[Place(agent: agent, key: key)] }
    }
}

/// What it takes to cancel what a session does.
struct PostgresCancellation: Sendable {
    /// The session's own.
    let request: Request
    let key: BackendKey
    let security: DatabaseSession.SSLMode
    /// Nobody waits any more for an approval of what the session asks for.
    let withdraw: @Sendable () -> Void

    /// Decides it as the session's opening is decided, and sends it, over a connection of its own.
    ///
    /// The client's connection ends when that is done.
    func cancel(_ parts: ConnectionParts, on client: any Channel) {
        withdraw()
        let near = NIOLoopBound(client, eventLoop: parts.loop)
        parts.authoriser.authorise(request) { outcome in
            guard case .allowed(let authorised) = consume outcome else {
                return near.value.close(promise: nil)
            }
            let reply = Reply(to: request, authorised.exchange)
            let server = PostgresServer(
                PostgresServer.Way(request.endpoint, security, parts.gatehouse),
                for: .cancellation(key),
                on: parts.loop
            )
            server.dial(authorised, for: parts.resident).whenComplete { result in
                if case .failure(let error) = result {
                    parts.authoriser.replied(reply.ended("\(error)"))
                } else {
                    parts.authoriser.replied(reply)
                }
                near.value.close(promise: nil)
            }
        }
    }
}
