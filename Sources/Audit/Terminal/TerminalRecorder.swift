internal import Foundation
internal import Glibc
package import Masking
package import Model

/// Records one agent's terminal as it is shown: masked, sealed, written behind one another.
///
/// Not safe for several threads: it belongs to the one that relays the terminal.
package final class TerminalRecorder {
    /// The window, as it was at the launch.
    package struct Window: Sendable {
        package let rows: UInt16
        package let columns: UInt16

        package init(rows: UInt16, columns: UInt16) { (self.rows, self.columns) = (rows, columns) }
    }

    /// What came at a moment, up to where of all that was kept.
    private struct Moment {
        let milliseconds: UInt64
        var end: UInt64
        /// The window's new size, from there on.
        var window: Window?
    }

    private let agent: AgentID
    private let directory: String
    private let file: PrivateFile
    private let limit: UInt64
    private let secrets: @Sendable () -> SecretMask
    private var seal: TerminalSeal
    private var mask = TerminalMask()
    private var moments: [Moment] = []
    /// Of what was kept, what was handed over.
    private var handed: UInt64 = 0
    /// Of a character that has not ended.
    private var beginning: [UInt8] = []
    /// Lines that wait to be sealed.
    private var lines: [UInt8] = []
    private var isNew = false
    /// Octets of the file.
    private var end: UInt64
    private var octets: UInt64 = 0

    /// Makes the file.
    ///
    /// - Parameters:
    ///   - directory: the state directory.
    ///   - agent: whose terminal.
    ///   - window: its size.
    ///   - seconds: of the wall clock, now.
    ///   - limit: octets that the file may have.
    ///   - secrets: what is masked, at each moment.
    /// - Throws: where nothing can be made there.
    package init(
        directory: String,
        agent: AgentID,
        window: Window,
        seconds: Int64,
        limit: UInt64,
        secrets: @escaping @Sendable () -> SecretMask
    ) throws {
        (self.directory, self.agent, self.limit, self.secrets) = (directory, agent, limit, secrets)
        let salt = (0..<TerminalLimits.salt).map { _ in UInt8.random(in: .min ... .max) }
        seal = TerminalSeal(master: try TerminalSeal.master(in: directory), salt: salt, agent: agent.text)
        file = try TerminalFiles.make(agent, in: directory)
        end = 0
        lines = CastLine.header(
            rows: window.rows,
            columns: window.columns,
            seconds: seconds,
            title: "bailey \(agent.text)"
        )
        do {
            try append(TerminalSeal.magic + salt)
            try write(isLast: false)
        } catch {
            abandon()
            throw error
        }
    }

    /// Nothing of it is wanted: the launch came to nothing.
    package func abandon() { TerminalFiles.remove(agent, in: directory) }

    /// Something waits to be written.
    package var isWaiting: Bool { isNew }

    /// What was shown, milliseconds after the launch.
    package func take(_ shown: [UInt8], at milliseconds: UInt64) {
        mask.take(shown)
        isNew = true
        if let last = moments.last, last.milliseconds == milliseconds, last.window == nil {
            moments[moments.count - 1].end = mask.kept
        } else {
            moments.append(Moment(milliseconds: milliseconds, end: mask.kept, window: nil))
        }
    }

    package func resize(_ window: Window, at milliseconds: UInt64) {
        isNew = true
        moments.append(Moment(milliseconds: milliseconds, end: mask.kept, window: window))
    }

    /// Writes what is decided; once it has failed, nothing is written any more but that it is the end.
    package func flush() throws(AuditFailure) {
        isNew = false
        collect(isEnd: false)
        try failing { try writeWhole() }
    }

    /// Writes the rest, and that it is the end.
    package func finish() throws(AuditFailure) {
        isNew = false
        collect(isEnd: true)
        try failing {
            try writeWhole()
            try writeEnd()
        }
    }

    /// What is kept, up to now.
    package func recorded(missing: String?) -> RecordedTerminal {
        RecordedTerminal(chunks: seal.number, octets: octets, missing: missing)
    }

    private func failing(_ body: () throws -> Void) throws(AuditFailure) {
        do {
            try body()
        } catch {
            lines = []
            // What is there says that it was meant to end here, where there is room for that.
            try? writeEnd()
            throw AuditFailure("\(error)")
        }
    }

    /// Lines of what is decided, each with its moment.
    private func collect(isEnd: Bool) {
        var decided = mask.decided(by: secrets(), isEnd: isEnd)[...]
        let reached = handed + UInt64(decided.count)
        var done = 0
        for moment in moments {
            let here = min(moment.end, reached)
            let count = Int(clamping: here - min(here, handed))
            let piece = beginning + decided.prefix(count)
            decided = decided.dropFirst(count)
            handed += UInt64(count)
            let open = CharacterBeginning.length(atEndOf: piece)
            beginning = Array(piece.suffix(open))
            if piece.count > open {
                lines += CastLine.output(piece.dropLast(open), at: moment.milliseconds)
            }
            guard moment.end <= reached else { break }
            if let window = moment.window {
                lines += CastLine.resize(rows: window.rows, columns: window.columns, at: moment.milliseconds)
            }
            done += 1
        }
        if isEnd, !beginning.isEmpty {
            lines += CastLine.output(beginning, at: moments.last?.milliseconds ?? 0)
            beginning = []
        }
        moments.removeFirst(done)
    }

    private func writeWhole() throws {
        while !lines.isEmpty { try write(isLast: false) }
    }

    private func writeEnd() throws {
        try write(isLast: true)
        try file.synchronise()
    }

    private func write(isLast: Bool) throws {
        let chunk = isLast ? [] : lines.prefix(TerminalLimits.chunk)
        // The last one, which says that nothing is missing, always finds room.
        guard isLast || end + UInt64(TerminalSeal.length + chunk.count + TerminalLimits.tag) <= limit else {
            throw AuditStoreError(
                .database,
                "the recording of the terminal of \(agent.text) would have more than \(limit) octets, the limit; raise "
                    + "recordings in bailey.yaml"
            )
        }
        // The number of a chunk that failed is used again by the last one alone, which has a nonce of its own.
        try append(try seal.seal(chunk, isLast: isLast))
        seal.wrote()
        octets += UInt64(chunk.count)
        lines.removeFirst(chunk.count)
    }

    private func append(_ sealed: [UInt8]) throws(AuditStoreError) {
        try file.append(sealed, at: end, "record a terminal in")
        end += UInt64(sealed.count)
    }
}
