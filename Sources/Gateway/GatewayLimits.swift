internal import HTTPProtocol
internal import NIOCore

/// Every bound the gateway holds its peers to.
///
/// The defaults are the product's; tests shorten times.
package struct GatewayLimits: Sendable {
    /// Live client connections of one agent.
    ///
    /// Browsers and package managers stay under a few hundred; more is refused so that one agent cannot use
    /// up the supervisor's descriptors.
    package var connectionsPerAgent = 512
    /// Open streams of one agent's HTTP/2 connections together: what ten connections may have.
    ///
    /// Each may hold a window of what its client does not take, in either direction.
    package var streamsPerAgent = 1_000
    /// Live client connections of all agents together, and as many upstream ones; the supervisor sets it by what it
    /// may open.
    package var connections = 4_096
    /// Idle upstream connections kept for one agent and upstream on one loop: an agent that has so many requests under
    /// way has had so many connections, and making one anew takes a handshake.
    package var idleUpstreams = 128
    /// Milliseconds an idle upstream connection is kept, and at most half as much again: under nginx's default
    /// `keepalive_timeout` of 75 s.
    package var idleUpstreamTime: Int64 = 30_000
    /// Milliseconds for the first bytes when no rule mentions the place: long enough to explain a refusal in the
    /// client's own protocol, short enough to be prompt.
    package var unexpectedSilence: Int64 = 1_000
    /// Milliseconds to wait for a client that may be waiting for its server to speak first (SMTP, SSH, MySQL)
    /// before a `tcp` rule is applied.
    package var serverSpeaksFirst: Int64 = 250
    /// Milliseconds from accept to a whole ClientHello or the start of a request, where a rule expects one.
    package var firstBytes: Int64 = 10_000
    /// Milliseconds from accept (or the end of the TLS handshake) to a whole request head.
    package var requestHead: Int64 = 10_000
    /// Milliseconds a kept-alive client connection may wait with its next request: nginx's default.
    package var keepAlive: Int64 = 75_000
    /// Milliseconds without a byte in either direction in the middle of an exchange or a tunnel.
    package var idle: Int64 = 600_000
    /// Milliseconds for one name at the system resolver: its own default is 5 s for each server.
    package var resolve: Int64 = 5_000
    /// Milliseconds for one TCP connection to one address.
    package var connect: Int64 = 5_000
    /// Milliseconds for the TLS handshake with an upstream.
    package var upstreamHandshake: Int64 = 10_000
    /// Milliseconds for making or dropping a session's role at a database, the connection for it included.
    package var roles: Int64 = 15_000
    /// Roles of sessions of one credential at a time: PostgreSQL takes 100 connections (`max_connections`) by default.
    package var rolesAtATime = 64
    /// Addresses of one name that are tried, in the resolver's order.
    package var addressesTried = 8
    /// Milliseconds for a token endpoint's whole answer: as long as a command has.
    package var token: Int64 = 10_000
    /// Threads for what may block, the system resolver and credential sources.
    package var blockingThreads = 8
    /// How many of them one agent's lookups and credentials may hold at a time: the rest stays for others.
    package var blockingPerAgent = 2
    /// Lookups and credentials of one agent that may wait for a thread; more are refused.
    package var waitingPerAgent = 64
    /// Connections of one run whose processes wait to be looked for: a burst of them takes some hundredths of a second; of
    /// more nobody finds out.
    package var witnessesPerRun = 64
    /// Milliseconds to hear out the connections that an agent leaves when it ends: they are read from the kernel,
    /// nothing is waited for but what another process holds open.
    package var lastAttempts: Int64 = 100
    /// Destinations of one agent's datagrams that are recorded one by one; more are counted and summed up with its
    /// end: a port scan is not worth more records.
    package var datagramDestinations = 64
    /// Certificates kept for intercepted names, all agents together; the least recently used goes first.
    package var interceptedNames = 1_024

    package init() {}

    /// Bytes that may wait for a slow reader before the other side is no longer read, and below which reading
    /// starts again.
    static let writeBuffer = ChannelOptions.Types.WriteBufferWaterMark(low: 256 * 1_024, high: 1_024 * 1_024)
    /// Octets up to which what a peer does not take is joined: one TLS record.
    static let joinedPiece = 16 << 10
    /// Pieces after which a channel is asked whether its peer takes them: the question is not asked of each.
    static let passedPieces = 16
    /// Pieces of one body that may be on their way, however small: at some 300 octets each they cost what a window does.
    static let unsentPieces: UInt64 = 1_024
    /// Octets of coded bodies that a loop decodes and looks through in one of its turns, of all connections together: one of the
    /// largest reads, which are looked through at once where they are not coded.
    static let searchedInTurn = largestRead
    /// Microseconds to the next such turn: a fifth of what a turn's octets take at 1 GB/s.
    ///
    /// NIO runs what is due until nothing is, and only then looks at its sockets: with none, others would not be served in between.
    static let searchPause: Int64 = 50
    /// Octets that a piece costs beside its own where pieces wait to be recorded.
    static let pieceCost = 512
    /// The largest single read: 16 TLS records (RFC 8446 section 5.1: 2^14 bytes each).
    static let largestRead = 256 * 1_024
    /// Streams of one HTTP/2 connection at a time: what RFC 9113 section 6.5.2 recommends as the least.
    static let streams = 100
    /// Octets of one stream's body that may be on their way, in either direction.
    static let streamWindow = 256 * 1_024
    /// Octets of all streams of one connection together.
    static let connectionWindow = 1_024 * 1_024
    /// Octets of one agent's request bodies that are held at a time until they are decided on: two of the largest.
    static let bodies = 2 * HTTPLimits.gathered
    /// Octets of a token endpoint's answer: eight of the longest tokens.
    static let tokenReply = 65_536
    /// Connections that may wait in the kernel to be accepted.
    static let backlog: Int32 = 256
    /// Octets of both bodies of an exchange that are passed on or held before they are recorded: one of the largest reads.
    static let recordedAhead = largestRead
    /// What a turn of recording counts beside its octets: sixteen small ones wait for a thread before another one is woken.
    static let recordedTurn = 4 << 10
    /// Octets that wait for each thread before another one is woken.
    static let recordedByOneThread = 64 << 10
    /// Threads that read a recording where it answers for servers: as many as write one.
    static let answeringThreads = 2
    /// The port of the explicit proxy on the agent's own loopback.
    static let proxyPort: UInt16 = 3_128
}
