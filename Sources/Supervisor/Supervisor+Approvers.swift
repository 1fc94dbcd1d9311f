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
    /// What one is shown within that time, in parts of a list: more than all 256 questions that may wait, 3 in each part, anew each
    /// second, as 'list --watch' asks.
    private static let looksPerWindow = 6_000
    /// All of a launch, with half a megabyte to mask, in those: 120 within that time, as of answers; each part behind the first is one more.
    static let wholeLook = 50
    /// Milliseconds without a message after which a connection is ended, and leaves its place to others: a command asks at once.
    private static let silence: UInt64 = 60_000

    /// What one of them does.
    struct ApproverTally {
        var connections = 0
        var began: UInt64 = 0
        var answers = 0
        var looks = 0
    }

    var approverConnections: Int { approvers.values.reduce(0) { $0 + $1.connections } }

    /// Whether one more is taken; until then they wait.
    var mayTakeApprover: Bool { approverConnections < Self.maximumApprovers }

    func acceptApprover() {
        guard OwnedDescriptor.waitingAside(of: ApproverSocket.sender) < Self.maximumApprovers else {
            return holdApprovers()
        }
        switch approverSocket?.accept() {
        case .approver(let raw, let peer): take(OwnedDescriptor(raw), of: peer)
        case .nobody(let code): noteStarvation(code)
        case .stranger, nil: return
        }
    }

    private func take(_ socket: consuming OwnedDescriptor, of peer: SocketPeer) {
        let channel = ControlChannel(
            socket,
            acceptedDescriptors: 0,
            longest: ControlLimit.agentMessage,
            sender: ApproverSocket.sender
        )
        guard (approvers[peer.user]?.connections ?? 0) < Self.maximumPerApprover else {
            return Self.refuse(
                channel,
                "you have \(Self.maximumPerApprover) connections already; end one first"
            )
        }
        guard let connection = add(channel, from: nil, approver: peer).flatMap({ connections[$0] }) else {
            return
        }
        approvers[peer.user, default: ApproverTally()].connections += 1
        heard(connection)
    }

    /// One of their connections has said something, or was answered: it has time again.
    func heard(_ connection: ControlConnection) {
        guard connection.approver != nil else { return }
        connection.silentAt = Poller.now().addingReportingOverflow(Self.silence).partialValue
        heed(connection.silentAt)
    }

    /// Ends those that have said nothing for too long; who waits for the record of an answer is waited for.
    func dismissSilent(at now: UInt64) {
        for connection in Array(connections.values) {
            guard let due = connection.silentAt, due <= now, !connection.isAnswering else { continue }
            Self.refuse(connection.channel, "it said nothing for \(Self.silence / 1_000) s; connect again")
            drop(connection)
        }
    }

    /// One of their connections is gone.
    func left(_ peer: SocketPeer) {
        approvers[peer.user]?.connections -= 1
        let now = Poller.now()
        approvers = approvers.filter { _, tally in
            tally.connections > 0 || now - min(now, tally.began) < Self.window
        }
    }

    /// Whether one more answer is taken now, and counts; else the connection is ended, and says why.
    func mayAnswer(_ connection: ControlConnection) -> Bool {
        guard let peer = connection.approver else { return true }
        var tally = tally(of: peer)
        guard tally.answers < Self.answersPerWindow else {
            Self.refuse(
                connection.channel,
                "you have given \(tally.answers) answers within \(Self.window / 1_000) s already; try again in a minute"
            )
            drop(connection)
            return false
        }
        tally.answers += 1
        approvers[peer.user] = tally
        return true
    }

    /// Whether whoever asks is shown more now, which counts as so many parts of a list; else the connection is ended, and says why.
    func mayLook(_ connection: ControlConnection, parts: Int = 1) -> Bool {
        guard let peer = connection.approver else { return true }
        var tally = tally(of: peer)
        guard tally.looks + parts <= Self.looksPerWindow else {
            Self.refuse(
                connection.channel,
                "you were shown more within \(Self.window / 1_000) s than anybody reads; try again in a minute"
            )
            drop(connection)
            return false
        }
        tally.looks += parts
        approvers[peer.user] = tally
        return true
    }

    /// What one has done within the present window.
    private func tally(of peer: SocketPeer) -> ApproverTally {
        var tally = approvers[peer.user] ?? ApproverTally()
        let now = Poller.now()
        if now - min(now, tally.began) >= Self.window {
            (tally.began, tally.answers, tally.looks) = (now, 0, 0)
        }
        return tally
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
        case .listHeld, .showHeld, .answer, .listFleet, .showFleet, .answerFleet: true
        case .launch, .signal, .resize, .list, .end, .revoke, .name: false
        }
    }
}
