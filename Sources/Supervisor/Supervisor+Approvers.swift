internal import Audit
internal import Client
internal import Linux

/// Other users of this machine who answer what rules ask, over a socket of their own.
///
/// Who they are is what the kernel says of their process, at the moment in which it connected; what they may is to see what waits,
/// and to answer it.
extension Supervisor {
    /// Connections of all of them that are open at a time: each is of one command, which asks and goes.
    private static let maximumApprovers = 32
    /// Those of one, who leaves the rest to others.
    private static let maximumPerApprover = 4
    /// Answers of one within so many milliseconds: each is a record, and nobody reads more requests.
    private static let answersPerWindow = 120
    private static let window: UInt64 = 60_000

    /// What one of them does.
    struct ApproverTally {
        var connections = 0
        var began: UInt64 = 0
        var answers = 0
    }

    var approverConnections: Int { approvers.values.reduce(0) { $0 + $1.connections } }

    /// Whether one more is taken; until then they wait.
    var mayTakeApprover: Bool { approverConnections < Self.maximumApprovers }

    func acceptApprover() {
        switch approverSocket?.accept() {
        case .approver(let raw, let peer): take(OwnedDescriptor(raw), of: peer)
        case .nobody(let code): noteStarvation(code)
        case .stranger, nil: return
        }
    }

    private func take(_ socket: consuming OwnedDescriptor, of peer: SocketPeer) {
        let channel = ControlChannel(socket, acceptedDescriptors: 0, longest: ControlLimit.agentMessage)
        guard (approvers[peer.user]?.connections ?? 0) < Self.maximumPerApprover else {
            return Self.refuse(
                channel,
                "you have \(Self.maximumPerApprover) connections already; end one first"
            )
        }
        guard add(channel, from: nil, approver: peer) != nil else { return }
        approvers[peer.user, default: ApproverTally()].connections += 1
    }

    /// One of their connections is gone.
    func left(_ peer: SocketPeer) {
        approvers[peer.user]?.connections -= 1
        let now = Poller.now()
        approvers = approvers.filter { _, tally in
            tally.connections > 0 || now - min(now, tally.began) < Self.window
        }
    }

    /// Why one may not answer now; counts that they do where they may.
    func refusal(of order: ApprovalOrder, by peer: SocketPeer) -> String? {
        if case .rule = order.subject {
            return "all of a rule's questions are the supervisor's own user's to deny"
        }
        let now = Poller.now()
        var tally = approvers[peer.user] ?? ApproverTally()
        if now - min(now, tally.began) >= Self.window { (tally.began, tally.answers) = (now, 0) }
        guard tally.answers < Self.answersPerWindow else {
            return "you have given \(tally.answers) answers within \(Self.window / 1_000) s already"
        }
        tally.answers += 1
        approvers[peer.user] = tally
        return nil
    }

    func refuseApprover(_ connection: ControlConnection) {
        Self.refuse(connection.channel, "here what rules ask is shown and answered, and nothing else")
        drop(connection)
    }

    private static func refuse(_ channel: ControlChannel, _ message: String) {
        try? channel.send(ControlReply.refused(code: FrontEnd.launchFailed, message: message).bytes)
    }
}

extension ControlRequest {
    /// Whether it is about what rules ask.
    var isOfApprovers: Bool {
        switch self {
        case .listHeld, .showHeld, .answer: true
        case .launch, .signal, .resize, .list, .end, .revoke, .name: false
        }
    }
}
