internal import Glibc
internal import Linux

/// The sockets and pipes of one launch, both sides, while it is under way.
struct SandboxParts: ~Copyable {
    private var report: PacketSocket.Pair
    private var talk: PacketSocket.Pair
    /// The supervisor's ends of stdin, stdout and stderr; none with a terminal.
    private(set) var ownStreams: [Int32] = []
    private var theirStreams: [Int32] = []

    init(terminal: Bool) throws(SystemCallError) {
        report = try PacketSocket.pair()
        talk = try PacketSocket.pair()
        guard !terminal else { return }
        for number: Int32 in 0..<3 {
            var ends: [Int32] = [-1, -1]
            guard unsafe pipe2(&ends, O_CLOEXEC) == 0 else {
                throw SystemCallError(stage: "pipe2", object: "standard streams", errno: errno)
            }
            ownStreams.append(number == 0 ? ends[1] : ends[0])
            theirStreams.append(number == 0 ? ends[0] : ends[1])
        }
    }

    deinit {
        for descriptor in ownStreams + theirStreams { close(descriptor) }
    }

    var reports: Int32 { report.first.rawValue }
    var agentReports: Int32 { report.second.rawValue }
    var agentChannel: Int32 { talk.second.rawValue }

    /// Three descriptors for the agent; `other` where it will open a terminal instead.
    func agentStreams(orElse other: Int32) -> [Int32] {
        theirStreams.isEmpty ? [other, other, other] : theirStreams
    }

    /// From here on only the agent holds its side, so that its end is seen.
    mutating func closeAgentSide() {
        report.second = OwnedDescriptor(-1)
        talk.second = OwnedDescriptor(-1)
        for descriptor in theirStreams { close(descriptor) }
        theirStreams = []
    }

    /// Takes the channel to init and the streams; what is left closes.
    mutating func takeChannel() -> OwnedDescriptor {
        let raw = talk.first.rawValue
        let copy = OwnedDescriptor(fcntl(raw, F_DUPFD_CLOEXEC, 3))
        talk.first = OwnedDescriptor(-1)
        return copy
    }

    mutating func takeStreams() -> [Int32] {
        defer { ownStreams = [] }
        return ownStreams
    }
}
