internal import Crypto
internal import Foundation
package import Model

/// Reads a recording of a terminal back.
package struct TerminalReader {
    /// What is wrong with one.
    package struct Fault: Error, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// How one ends.
    package enum Ending: Sendable, Hashable {
        /// With its last chunk.
        case whole
        /// Without: it is being written, or its supervisor was killed, or it was cut.
        case cut
        /// So many chunks open, and what follows them does not.
        case changed(chunks: UInt64)
        /// It was sealed with another key than the one that is there.
        case otherKey
    }

    /// What was found on the way to its end.
    package struct Finding: Sendable, Hashable {
        package let ending: Ending
        /// Chunks that open.
        package let chunks: UInt64
        /// SHA-256 of the file as far as they go, lower-case hex.
        package let digest: String
    }

    private let file: PrivateFile
    private let path: String
    private let agent: AgentID
    private let master: RecordingKey

    /// - Parameters:
    ///   - agent: whose terminal.
    ///   - directory: the state directory.
    /// - Throws: where there is none, or its key is gone.
    package init(_ agent: AgentID, in directory: String) throws {
        path = TerminalFiles.path(of: agent, in: directory)
        guard TerminalFiles.size(of: agent, in: directory) != nil,
            let file = try TerminalFiles.open(agent, in: directory)
        else {
            throw Fault(
                description: "there is no recording of the terminal of \(agent.text): no \(path); "
                    + "`bailey sessions \(agent.run)` says whether there was one"
            )
        }
        (self.file, self.agent) = (file, agent)
        guard let master = try RecordingKey.known(.terminals, in: directory) else {
            let key = RecordingKey.Name.terminals.path(in: directory)
            throw Fault(description: "\(path) does not open without \(key); put that key back")
        }
        self.master = master
    }

    /// Hands over the asciicast, piece by piece, up to the last chunk that opens.
    ///
    /// - Returns: how it ends.
    package func read(_ use: ([UInt8]) throws -> Void) throws -> Finding {
        let header = file.read(TerminalSeal.header, at: 0)
        guard header.count == TerminalSeal.header, header.starts(with: TerminalSeal.magic) else {
            throw Fault(description: "\(path) is no recording of a terminal, or its beginning is cut off")
        }
        let salt = Array(header[TerminalSeal.magic.count...].prefix(TerminalLimits.salt))
        var seal = TerminalSeal(master: master, salt: salt, agent: agent.text)
        var digest = SHA256()
        digest.update(data: header)
        let isOurs = header.suffix(AuditLimits.sealKeyID).elementsEqual(seal.keyID)
        let ending = try read(&seal, &digest, use)
        return Finding(
            ending: !isOurs && seal.number == 0 ? .otherKey : ending,
            chunks: seal.number,
            digest: digest.finalize().hex
        )
    }

    private func read(
        _ seal: inout TerminalSeal,
        _ digest: inout SHA256,
        _ use: ([UInt8]) throws -> Void
    ) throws -> Ending {
        var place = UInt64(TerminalSeal.header)
        while true {
            let head = file.read(TerminalSeal.length, at: place)
            guard head.count == TerminalSeal.length else { return .cut }
            let length = head.reduce(0) { $0 << 8 | Int($1) }
            guard length <= TerminalLimits.chunk else { return .changed(chunks: seal.number) }
            let count = length + AuditLimits.sealTag
            let sealed = file.read(count, at: place + UInt64(TerminalSeal.length))
            guard sealed.count == count else { return .cut }
            guard let (octets, isLast) = seal.open(sealed) else { return .changed(chunks: seal.number) }
            place += UInt64(TerminalSeal.length + count)
            digest.update(data: head)
            digest.update(data: sealed)
            try use(octets)
            guard isLast else { continue }
            return file.read(1, at: place).isEmpty ? .whole : .changed(chunks: seal.number)
        }
    }
}

/// What is left of a recording, for lists.
package struct TerminalState: Sendable {
    /// Octets of the asciicast.
    package var octets: UInt64 = 0
    /// Nil where it does not open.
    package var finding: TerminalReader.Finding?
    /// Why it does not.
    package var fault: String?

    /// Reads all of it.
    package init(_ agent: AgentID, in directory: String) {
        do {
            var octets: UInt64 = 0
            finding = try TerminalReader(agent, in: directory).read { octets += UInt64($0.count) }
            self.octets = octets
        } catch {
            fault = "\(error)"
        }
    }

    /// It is, chunk by chunk, what the record of its agent's end speaks of; older records have no digest.
    package func isAsRecorded(_ recorded: RecordedTerminal) -> Bool {
        guard let finding else { return false }
        return recorded.octets == octets && recorded.chunks == finding.chunks
            && (recorded.digest.map { $0.isSame(as: finding.digest) } ?? true)
    }
}
