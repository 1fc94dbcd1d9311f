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
    }

    private let file: PrivateFile
    private let path: String
    private let agent: AgentID
    private let master: Data

    /// - Parameters:
    ///   - agent: whose terminal.
    ///   - directory: the state directory.
    /// - Throws: where there is none, or its key is gone.
    package init(_ agent: AgentID, in directory: String) throws {
        path = TerminalFiles.path(of: agent, in: directory)
        guard TerminalFiles.size(of: agent, in: directory) != nil,
            let file = try TerminalFiles.open(agent, in: directory)
        else {
            throw Fault(description: "the terminal of \(agent.text) is not recorded: there is no \(path)")
        }
        (self.file, self.agent) = (file, agent)
        let keys = try StateDirectory(directory, create: false).directory("keys", create: false)
        guard let key = try PrivateFile.open("terminals.key", in: keys, .read),
            let octets = try key.read(atMost: TerminalLimits.key), octets.count == TerminalLimits.key
        else {
            throw Fault(
                description:
                    "\(path) does not open without \(directory)/keys/terminals.key; put that key back"
            )
        }
        master = octets
    }

    /// Hands over the asciicast, piece by piece, up to the last chunk that opens.
    ///
    /// - Returns: how it ends.
    package func read(_ use: ([UInt8]) throws -> Void) throws -> Ending {
        let header = file.read(TerminalSeal.header, at: 0)
        guard header.count == TerminalSeal.header, header.starts(with: TerminalSeal.magic) else {
            throw Fault(description: "\(path) is no recording of a terminal, or its beginning is cut off")
        }
        let salt = Array(header.dropFirst(TerminalSeal.magic.count))
        var seal = TerminalSeal(master: master, salt: salt, agent: agent.text)
        var place = UInt64(TerminalSeal.header)
        while true {
            let head = file.read(TerminalSeal.length, at: place)
            guard head.count == TerminalSeal.length else { return .cut }
            let length = head.reduce(0) { $0 << 8 | Int($1) }
            guard length <= TerminalLimits.chunk else { return .changed(chunks: seal.number) }
            let count = length + TerminalLimits.tag
            let sealed = file.read(count, at: place + UInt64(TerminalSeal.length))
            guard sealed.count == count else { return .cut }
            guard let (octets, isLast) = seal.open(sealed) else { return .changed(chunks: seal.number) }
            place += UInt64(TerminalSeal.length + count)
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
    package var ending: TerminalReader.Ending?
    /// Why it does not open.
    package var fault: String?

    /// Reads all of it.
    package init(_ agent: AgentID, in directory: String) {
        do {
            var octets: UInt64 = 0
            ending = try TerminalReader(agent, in: directory).read { octets += UInt64($0.count) }
            self.octets = octets
        } catch {
            fault = "\(error)"
        }
    }
}
