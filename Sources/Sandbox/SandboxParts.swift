internal import CSandbox
internal import Glibc
internal import Linux

/// The sockets and pipes of one launch, both sides, while it is under way.
struct SandboxParts: ~Copyable {
    private var report: PacketSocket.Pair
    private var talk: PacketSocket.Pair
    /// The supervisor's ends of stdin, stdout and stderr; none with a terminal.
    private(set) var ownStreams: [Int32] = []
    private var theirStreams: [Int32] = []

    private init(report: consuming PacketSocket.Pair, talk: consuming PacketSocket.Pair) {
        self.report = report
        self.talk = talk
    }

    /// The sockets; streams follow with the order.
    static func made() throws(SystemCallError) -> SandboxParts {
        SandboxParts(report: try PacketSocket.pair(), talk: try PacketSocket.pair())
    }

    mutating func addPipes() throws(SystemCallError) {
        for number: Int32 in 0..<3 {
            var ends: [Int32] = [-1, -1]
            let status = unsafe csb_pipe(&ends)
            guard status == 0 else {
                throw SystemCallError(stage: "pipe2", object: "standard streams", errno: -status)
            }
            ownStreams.append(number == 0 ? ends[1] : ends[0])
            theirStreams.append(number == 0 ? ends[0] : ends[1])
        }
    }

    deinit {
        for descriptor in ownStreams + theirStreams { close(descriptor) }
    }

    var agentReports: Int32 { report.second.rawValue }
    var agentChannel: Int32 { talk.second.rawValue }

    /// Three descriptors for the agent; `other` where it will open a terminal instead.
    func agentStreams(orElse other: Int32) -> [Int32] {
        theirStreams.isEmpty ? [other, other, other] : theirStreams
    }

    /// From here on only the agent holds its side, so that its end is seen.
    mutating func closeAgentSockets() {
        report.second = OwnedDescriptor(-1)
        talk.second = OwnedDescriptor(-1)
    }

    /// The same for the standard streams.
    mutating func closeAgentStreams() {
        for descriptor in theirStreams { close(descriptor) }
        theirStreams = []
    }

    /// Takes where the launch reports.
    mutating func takeReports() -> OwnedDescriptor {
        report.first.take()
    }

    /// Takes the channel to init and the streams; what is left closes.
    mutating func takeChannel() -> OwnedDescriptor {
        talk.first.take()
    }

    mutating func takeStreams() -> [Int32] {
        defer { ownStreams = [] }
        return ownStreams
    }
}
