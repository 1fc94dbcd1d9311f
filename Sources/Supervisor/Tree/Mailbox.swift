internal import Approvals
internal import Audit
internal import CSandbox
internal import Client
internal import Glibc
internal import Linux
internal import Model
internal import Synchronization

/// What other threads tell the supervisor's thread; wakes it by an eventfd(2).
final class Mailbox: Sendable {
    /// What the supervisor's thread is waiting for.
    enum Letter: Sendable {
        /// An audit commit, by its token.
        case commit(UInt64, Result<Void, AuditFailure>)
        /// The digest of an agent's program; nil when there is none.
        case digest(AgentID, String?)
        /// The gateway serves an agent's sockets, or does not.
        case opened(AgentID, Result<Void, any Error>)
        /// The gateway has recorded what an agent tried last.
        case departed(AgentID, refused: UInt64)
        /// What a profile protects at any depth was looked for.
        case searched(ConnectionID, SearchResult)
        /// Who launches was proven, or not.
        case proven(ConnectionID, Result<LaunchIdentity, Client.LaunchRefusal>)
        /// A run's identity was proven anew, or not.
        case renewed(AgentID, Result<LaunchIdentity, Client.LaunchRefusal>)
        /// What an agent that is gone wrote was looked for.
        case listed(AgentID, WrittenFiles)
        /// A rule asks: somebody may answer.
        case asked(OpenQuestion)
        /// What was asked is over.
        case closed(ClosedQuestion)
        /// What came of the question whether a launch may go on.
        case settled(ConnectionID, digest: String, HoldOutcome)
        /// What became of the recording of an agent's terminal.
        case terminal(AgentID, TerminalRelay.Report)
        /// A principal was revoked on another machine of the fleet.
        case revokedElsewhere(RevokedPrincipals.Entry)
        /// What waits on other machines was read, for a connection, or could not be.
        case fleetListed(ConnectionID, Result<[HeldSummary], FleetDesk.Failure>)
        /// The same of all of a launch.
        case fleetShown(ConnectionID, String, Result<HeldSummary?, FleetDesk.Failure>)
        /// What became of an agent's streams to its parent.
        case stdio(AgentID, StdioRelay.Report)
        /// An answer that came over a connection has taken effect, or will not.
        case answered(ConnectionID, AnswerOutcome)
    }

    private let letters = Mutex<[Letter]>([])
    private let event: Int32

    /// Throws when the kernel has no descriptor left.
    init() throws(SystemCallError) {
        event = csb_event_open()
        guard event >= 0 else {
            throw SystemCallError(stage: "eventfd", object: "supervisor mailbox", errno: -event)
        }
    }

    deinit {
        Glibc.close(event)
    }

    /// Readable when there is something to take.
    var descriptor: Int32 { event }

    func post(_ letter: Letter) {
        letters.withLock { $0.append(letter) }
        csb_event_raise(event)
    }

    func take() -> [Letter] {
        csb_event_take(event)
        return letters.withLock { list in
            defer { list = [] }
            return list
        }
    }
}
