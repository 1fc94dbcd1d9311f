internal import ArgumentParser
internal import Audit
internal import Foundation
internal import Model

/// `bailey replay --terminal`: what an agent's terminal showed, as it showed it.
struct TerminalReplay {
    /// sysexits.h, EX_DATAERR: the recording ends before the agent did, or was changed.
    private static let incomplete = ExitCode(65)

    let speed: Double
    let asCast: Bool

    func play(_ agent: AgentID, in directory: String) throws {
        let reader = try TerminalReader(agent, in: directory)
        var player = CastPlayer(speed: speed)
        let ending = try reader.read { octets in
            if asCast { try Self.write(octets) } else { try player.take(octets) }
        }
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
        }
        throw Self.incomplete
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

    let speed: Double
    private let began = Date()
    private var rest: [UInt8] = []

    init(speed: Double) { self.speed = speed }

    mutating func take(_ octets: [UInt8]) throws {
        rest += octets
        var start = rest.startIndex
        while let end = rest[start...].firstIndex(of: 0x0A) {
            try show(rest[start..<end])
            start = end + 1
        }
        rest.removeSubrange(..<start)
    }

    /// The header is none, and a window's new size is not ours to make.
    private func show(_ line: ArraySlice<UInt8>) throws {
        guard let event = try? JSONDecoder().decode(Event.self, from: Data(line)), event.code == "o" else {
            return
        }
        let pause = began.addingTimeInterval(event.seconds / speed).timeIntervalSinceNow
        if pause > 0 { Thread.sleep(forTimeInterval: pause) }
        try TerminalReplay.write(Array(event.text.utf8))
    }
}
