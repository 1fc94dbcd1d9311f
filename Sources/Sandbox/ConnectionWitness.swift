internal import CSandbox
internal import Glibc
internal import Linux
package import Model
internal import Synchronization

/// Finds the process of an agent that holds one end of a connection: which socket it is says the agent's network
/// namespace, and who has that socket says procfs.
///
/// What it finds is how things stood at one moment in which nothing was held still.
package final class ConnectionWitness: ProcessWitness {
    /// SHA-256 of an open file in lower-case hex; nil when it is not to be had at once.
    ///
    /// A small file may be read for it.
    package typealias Digest = @Sendable (_ descriptor: Int32, _ mayRead: Bool) -> String?

    private let diagnosis: OwnedDescriptor
    private let process: OwnedDescriptor
    private let digest: Digest
    /// Who held the last ones: mostly a program has many connections.
    private let holders = Mutex<[pid_t]>([])

    init(_ diagnosis: consuming OwnedDescriptor, process: consuming OwnedDescriptor, digest: @escaping Digest)
    {
        self.diagnosis = diagnosis
        self.process = process
        self.digest = digest
    }

    package func holder(of connection: ConnectionEnds) throws(WitnessFailure) -> [ProcessEvidence] {
        let inode = try socket(of: connection)
        let root = csb_pid_of(process.rawValue)
        guard root > 0 else { throw Self.ended }
        var search = HolderSearch(inode: inode)
        guard let holder = search.holder(among: holders.withLock(\.self), below: root) else {
            throw search.isExhausted ? Self.tooMany : Self.nobody
        }
        remember(holder)
        let chain = Self.chain(from: holder, to: root)
        // One that has gone meanwhile leads nowhere, and a number that was given anew may lead out of the agent.
        guard chain.last == root || chain.count == Self.longestChain else { throw Self.nobody }
        let found = chain.compactMap { process in
            ProcessFolder(process).evidence(as: process == holder ? .holder : .parent, digest)
        }
        // A number that was given anew is another agent's, or nobody's.
        guard csb_pid_of(process.rawValue) == root else { throw Self.ended }
        guard !found.isEmpty else { throw Self.nobody }
        return found
    }

    private func remember(_ holder: pid_t) {
        holders.withLock { holders in
            holders = Array(([holder] + holders.filter { $0 != holder }).prefix(Self.rememberedHolders))
        }
    }

    /// Programs of one agent that have many connections at a time.
    private static let rememberedHolders = 4

    private static let ended = WitnessFailure("the agent had ended")
    private static let nobody = WitnessFailure("no process of the agent held it any more")
    private static let tooMany = WitnessFailure(
        "the agent has too many processes and descriptors to look through"
    )

    private func socket(of connection: ConnectionEnds) throws(WitnessFailure) -> UInt64 {
        var question = csb_connection()
        let isV4 = connection.agent.family == .v4
        guard connection.peer.family == connection.agent.family else {
            throw WitnessFailure("its two ends are of two families")
        }
        question.family = isV4 ? AF_INET : AF_INET6
        unsafe withUnsafeMutableBytes(of: &question.from) {
            unsafe $0.copyBytes(from: connection.agent.bytes)
        }
        unsafe withUnsafeMutableBytes(of: &question.to) { unsafe $0.copyBytes(from: connection.peer.bytes) }
        question.from_port = connection.agentPort
        question.to_port = connection.peerPort
        let inode = unsafe csb_socket_inode(diagnosis.rawValue, &question)
        guard inode >= 0 else {
            throw WitnessFailure(
                "the kernel does not say whose it is: \(SystemCallError.text(Int32(-inode)))"
            )
        }
        guard inode > 0 else { throw WitnessFailure("it was closed before anybody looked") }
        return UInt64(inode)
    }

    /// A process and those above it, up to the agent's init.
    private static func chain(from process: pid_t, to root: pid_t) -> [pid_t] {
        var chain = [process]
        while let last = chain.last, last != root, chain.count < longestChain,
            let parent = ProcessFolder(last).parent, parent > 1
        {
            chain.append(parent)
        }
        return chain
    }

    /// Processes above one another that are named: shells and build tools are some ten.
    private static let longestChain = 32
}

/// Looks through the processes below one, the newest first, for who holds a socket; with bounds, since an agent decides how
/// many there are.
private struct HolderSearch {
    private let target: String
    /// Folders and links of procfs that are looked at: some 20 ms.
    private var left = 4_096

    var isExhausted: Bool { left <= 0 }

    init(inode: UInt64) {
        target = "socket:[\(inode)]"
    }

    /// The process that holds it; nil where there is none, or no end of looking.
    ///
    /// - Parameters:
    ///   - likely: who is looked at first; each must be one that was found below the same root.
    ///   - root: the agent's init.
    /// - Returns: its number as this process sees it.
    mutating func holder(among likely: [pid_t], below root: pid_t) -> pid_t? {
        if let known = likely.first(where: { holds(ProcessFolder($0)) }) { return known }
        // The newest first: mostly a program that was just started has just connected.
        var waiting = [root]
        while let process = waiting.popLast() {
            let folder = ProcessFolder(process)
            if process != root, holds(folder) { return process }
            for thread in folder.threads(atMost: left) where spend() {
                waiting += folder.children(of: thread)
            }
            guard spend() else { return nil }
        }
        return nil
    }

    private mutating func holds(_ folder: ProcessFolder) -> Bool {
        for descriptor in folder.descriptors(atMost: left) {
            guard spend() else { return false }
            if folder.link("fd/\(descriptor)") == target { return true }
        }
        return false
    }

    private mutating func spend() -> Bool {
        left -= 1
        return left > 0
    }
}
