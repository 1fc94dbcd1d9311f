internal import Crypto
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

    /// Moments that wait with what came at them: 4 s of one each millisecond, all that a program can make of a line without an
    /// end; what comes then has the last one's.
    private static let maximumMoments = 4_096

    private let agent: AgentID
    private let directory: String
    private let file: PrivateFile
    private let limit: UInt64
    private let terminals: RecordedTerminals
    private let secrets: @Sendable () -> SecretMask
    private var seal: TerminalSeal
    private var mask = TerminalMask()
    private var moments: [Moment] = []
    /// Milliseconds of what came last.
    private var latest: UInt64 = 0
    /// Of what was kept, what was handed over.
    private var handed: UInt64 = 0
    /// Of a character that has not ended.
    private var beginning: [UInt8] = []
    /// Lines that wait to be sealed.
    private var lines: [UInt8] = []
    private var isNew = false
    /// The last chunk is written.
    private var isEnded = false
    /// Octets of the file, and their SHA-256.
    private var end: UInt64
    private var digest = SHA256()
    private var octets: UInt64 = 0

    /// Makes the file.
    ///
    /// - Parameters:
    ///   - directory: the state directory.
    ///   - agent: whose terminal.
    ///   - window: its size.
    ///   - seconds: of the wall clock, now.
    ///   - limit: octets that the run may record, of bodies and terminals.
    ///   - terminals: how many it has of terminals.
    ///   - secrets: what is masked, at each moment.
    /// - Throws: where nothing can be made there.
    package init(
        directory: String,
        agent: AgentID,
        window: Window,
        seconds: Int64,
        limit: UInt64,
        terminals: RecordedTerminals = RecordedTerminals(),
        secrets: @escaping @Sendable () -> SecretMask
    ) throws {
        (self.directory, self.agent, self.limit, self.secrets) = (directory, agent, limit, secrets)
        self.terminals = terminals
        let salt = (0..<TerminalLimits.salt).map { _ in UInt8.random(in: .min ... .max) }
        seal = TerminalSeal(
            master: try RecordingKey.kept(.terminals, in: directory),
            salt: salt,
            agent: agent.text
        )
        file = try TerminalFiles.make(agent, in: directory)
        end = 0
        lines = CastLine.header(
            rows: window.rows,
            columns: window.columns,
            seconds: seconds,
            title: "bailey \(agent.text)"
        )
        do {
            try append(TerminalSeal.magic + salt + seal.keyID)
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
        note(milliseconds, nil)
    }

    package func resize(_ window: Window, at milliseconds: UInt64) { note(milliseconds, window) }

    private func note(_ milliseconds: UInt64, _ window: Window?) {
        isNew = true
        latest = milliseconds
        // Of what is not kept there is no moment.
        guard window != nil || mask.kept > (moments.last?.end ?? handed) else { return }
        let isSame =
            window == nil && moments.last?.milliseconds == milliseconds && moments.last?.window == nil
        guard isSame || moments.count >= Self.maximumMoments else {
            return moments.append(Moment(milliseconds: milliseconds, end: mask.kept, window: window))
        }
        let last = moments.count - 1
        moments[last].end = mask.kept
        if let window { moments[last].window = window }
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
        RecordedTerminal(
            chunks: seal.number,
            octets: octets,
            digest: digest.finalize().hex,
            missing: missing
        )
    }

    private func failing(_ body: () throws -> Void) throws(AuditFailure) {
        do {
            try body()
        } catch {
            lines = []
            // What is there says that it was meant to end here, where there is room for that.
            if !isEnded { try? writeEnd() }
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
        if isEnd, !beginning.isEmpty || !decided.isEmpty {
            lines += CastLine.output(beginning + decided, at: latest)
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
        let count = UInt64(TerminalSeal.length + chunk.count + AuditLimits.sealTag)
        // The last one, which says that nothing is missing, always finds room.
        guard
            terminals.take(
                count,
                of: agent.run,
                beside: BodyFiles.octets(of: agent.run, in: directory),
                upTo: isLast ? .max : limit
            )
        else {
            throw AuditStoreError(
                .database,
                "what is recorded of run \(agent.run), the terminal of \(agent.text) among it, would have more than \(limit) "
                    + "octets, the limit; raise recordings in bailey.yaml, or begin another run"
            )
        }
        // The number of a chunk that failed is used again by the last one alone, which has a nonce of its own.
        do {
            try append(try seal.seal(chunk, isLast: isLast))
        } catch {
            terminals.giveBack(count, of: agent.run)
            throw error
        }
        seal.wrote()
        isEnded = isLast
        octets += UInt64(chunk.count)
        lines.removeFirst(chunk.count)
    }

    private func append(_ sealed: [UInt8]) throws(AuditStoreError) {
        try file.append(sealed, at: end, "record a terminal in")
        end += UInt64(sealed.count)
        digest.update(data: sealed)
    }
}
