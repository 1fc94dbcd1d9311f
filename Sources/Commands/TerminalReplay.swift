internal import ArgumentParser
internal import Audit
internal import Foundation
internal import Masking
internal import Model

/// `bailey replay --terminal`: what an agent's terminal showed, as it showed it.
struct TerminalReplay {
    /// sysexits.h, EX_DATAERR: the recording ends before the agent did, or was changed.
    private static let incomplete = ExitCode(65)

    let speed: Double
    let asCast: Bool
    private var signals = EndingSignals()

    init(speed: Double, asCast: Bool) {
        (self.speed, self.asCast) = (speed, asCast)
        // Before anything makes a thread, which would take them.
        if !asCast { signals.block() }
    }

    func play(_ agent: AgentID, in directory: String) throws {
        let reader = try TerminalReader(agent, in: directory)
        let ending = try asCast ? reader.read(Self.write).ending : watch(reader)
        switch ending {
        case .whole: return
        case .cut:
            RunCommand.complain(
                "the recording of \(agent.text) has no end: it is being written, its supervisor was killed, or the end of the "
                    + "file is gone"
            )
        case .changed(let chunks):
            RunCommand.complain(
                "the recording of \(agent.text) was changed: chunk \(chunks + 1) does not open, nor does what is behind it"
            )
        case .otherKey:
            RunCommand.complain(
                "the recording of \(agent.text) was sealed with another key than \(directory)/keys/terminals.key; put the key "
                    + "back that was there then"
            )
        }
        throw Self.incomplete
    }

    /// However it ends, the terminal is as it was before.
    private func watch(_ reader: TerminalReader) throws -> TerminalReader.Ending {
        var player = CastPlayer(speed: speed, signals)
        defer { player.restore() }
        return try reader.read { octets in try player.take(octets) }.ending
    }

    fileprivate static func write(_ octets: [UInt8]) throws {
        try FileHandle.standardOutput.write(contentsOf: Data(octets))
    }
}

/// Plays lines of an asciicast as they come.
private struct CastPlayer {
    /// `[1.042, "o", "text"]`.
    private struct Event: Decodable {
        let seconds: Double
        let code: String
        let text: String

        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            seconds = try container.decode(Double.self)
            code = try container.decode(String.self)
            text = try container.decode(String.self)
        }
    }

    /// Seconds of one wait, so that no number is too large for a clock; then it waits on.
    private static let longestWait = 3_600.0

    let speed: Double
    private let began = Date()
    private var rest: [UInt8] = []
    /// The same list again as when it was recorded: nothing that acts on who watches, whoever wrote it.
    private var playback = TerminalPlayback()
    private let isTerminal = isatty(STDOUT_FILENO) == 1
    private var signals: EndingSignals

    init(speed: Double, _ signals: EndingSignals) { (self.speed, self.signals) = (speed, signals) }

    mutating func take(_ octets: [UInt8]) throws {
        rest += octets
        var start = rest.startIndex
        while let end = rest[start...].firstIndex(of: 0x0A) {
            try show(rest[start..<end])
            start = end + 1
        }
        rest.removeSubrange(..<start)
    }

    /// What was shown has changed no more of a terminal than what is seen of it: that is put back.
    func restore() {
        // Where it cannot be written, nobody looks.
        if isTerminal { try? TerminalReplay.write(playback.restoring) }
    }

    /// The header is none, and a window's new size is not ours to make.
    private mutating func show(_ line: ArraySlice<UInt8>) throws {
        guard let event = try? JSONDecoder().decode(Event.self, from: Data(line)), event.code == "o" else {
            return
        }
        try wait(until: event.seconds / speed)
        try TerminalReplay.write(playback.take(Array(event.text.utf8)))
    }

    /// Signals are waited for between two writes: none comes in the middle of one.
    private mutating func wait(until seconds: Double) throws {
        var left = 0.0
        repeat {
            left = max(0, began.addingTimeInterval(seconds).timeIntervalSinceNow)
            if let number = signals.wait(min(left, Self.longestWait)) { throw ExitCode(128 + number) }
        } while left > Self.longestWait
    }
}
