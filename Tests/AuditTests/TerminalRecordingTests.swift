import Audit
import Foundation
import Masking
import Model
import TestSupport
import Testing

/// Recordings of terminals on the disk.
struct TerminalRecordingTests {
    private let state: StateFixture
    private let agent = AgentID(run: "0123456789ab", ordinal: 1)
    private let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"

    init() throws { state = try StateFixture() }

    private func file(_ agent: AgentID) -> String { "\(state.path)/terminals/\(agent.run)/\(agent.text)" }

    private func recorder(
        _ agent: AgentID? = nil,
        limit: UInt64 = 1 << 30,
        terminals: RecordedTerminals = RecordedTerminals()
    ) throws -> TerminalRecorder {
        try TerminalRecorder(
            directory: state.path,
            agent: agent ?? self.agent,
            window: TerminalRecorder.Window(rows: 24, columns: 80),
            seconds: 1_700_000_000,
            limit: limit,
            terminals: terminals,
            secrets: { SecretMask() }
        )
    }

    private func read(_ agent: AgentID? = nil) throws -> (text: String, ending: TerminalReader.Ending) {
        var octets: [UInt8] = []
        let finding = try TerminalReader(agent ?? self.agent, in: state.path).read { octets += $0 }
        return (String(decoding: octets, as: UTF8.self), finding.ending)
    }

    /// Several chunks, of an agent.
    @discardableResult
    private func record(_ agent: AgentID? = nil, chunks: Int = 4) throws -> RecordedTerminal {
        let recorder = try recorder(agent)
        for number in 0..<chunks {
            recorder.take(Array("line \(number)\r\n".utf8), at: UInt64(number) * 1_500)
            try recorder.flush()
        }
        try recorder.finish()
        return recorder.recorded(missing: nil)
    }

    private func change(_ change: (inout Data) -> Void) throws {
        var data = try Data(contentsOf: URL(filePath: file(agent)))
        change(&data)
        try data.write(to: URL(filePath: file(agent)))
    }

    @Test("An asciicast, version 2: header, output with its moments, sizes of the window, characters whole")
    func cast() throws {
        let recorder = try recorder()
        recorder.take(Array("Gr\u{FC}\u{DF}e".utf8.prefix(3)), at: 5)
        recorder.take(
            Array("Gr\u{FC}\u{DF}e".utf8.dropFirst(3)) + Array(" \u{1b}[1m\"x\"\r\n".utf8),
            at: 1_042
        )
        recorder.resize(TerminalRecorder.Window(rows: 50, columns: 132), at: 2_000)
        recorder.take([0xFF, 0x0D, 0x0A], at: 61_007)
        try recorder.finish()
        let (text, ending) = try read()
        #expect(ending == .whole)
        #expect(
            text.split(separator: "\n").map(String.init) == [
                "{\"height\":24,\"timestamp\":1700000000,\"title\":\"bailey 0123456789ab.1\",\"version\":2,\"width\":80}",
                "[0.005, \"o\", \"Gr\"]", "[1.042, \"o\", \"\u{FC}\u{DF}e \\u001b[1m\\\"x\\\"\\r\\n\"]",
                "[2.000, \"r\", \"132x50\"]", "[61.007, \"o\", \"\u{FFFD}\\r\\n\"]",
            ]
        )
        let recorded = recorder.recorded(missing: nil)
        #expect(recorded.octets == UInt64(text.utf8.count) && recorded.chunks == 3)
    }

    @Test("A terminal that does not say how large it is has the size of a VT100")
    func sizeless() throws {
        let recorder = try TerminalRecorder(
            directory: state.path,
            agent: agent,
            window: TerminalRecorder.Window(rows: 0, columns: 0),
            seconds: 1,
            limit: 1 << 20,
            secrets: { SecretMask() }
        )
        try recorder.finish()
        let text = try read().text
        #expect(text.contains("\"height\":24,") && text.contains("\"width\":80}"), "\(text)")
    }

    @Test(
        "I04: on the disk nothing can be read, and in what opens secrets are masked; without a mask they are there"
    )
    func sealed() throws {
        let recorder = try recorder()
        let plain = "plain words"
        recorder.take(Array("\(plain) ghp_16C7e42F\u{1b}[1m".utf8), at: 1)
        try recorder.flush()
        recorder.take(Array("292c6912E7710c838347Ae178B4a\u{1b}[0m\r\n".utf8), at: 400)
        try recorder.flush()
        try recorder.finish()
        let data = try Data(contentsOf: URL(filePath: file(agent)))
        for word in [plain, "ghp_", "version"] { #expect(data.range(of: Data(word.utf8)) == nil, "\(word)") }
        let (text, _) = try read()
        #expect(text.contains(plain) && text.contains("ghp_****") && !text.contains("292c"), "\(text)")
        let attributes = try FileManager.default.attributesOfItem(atPath: file(agent))
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    @Test("I06: cut at every octet: what is whole opens, and that it is cut shows")
    func cut() throws {
        try record()
        let whole = try Data(contentsOf: URL(filePath: file(agent)))
        #expect(try read().ending == .whole)
        let full = try read().text
        var last = -1
        for count in 32..<whole.count {
            try whole.prefix(count).write(to: URL(filePath: file(agent)))
            let (text, ending) = try read()
            #expect(ending == .cut && full.hasPrefix(text), "\(count)")
            #expect(text.utf8.count >= last, "\(count)")
            last = text.utf8.count
        }
        #expect(full.utf8.count == last)
        try whole.prefix(31).write(to: URL(filePath: file(agent)))
        #expect(throws: TerminalReader.Fault.self) { try read() }
    }

    @Test("I06: changed, exchanged, repeated or dropped chunks do not open, nor another agent's recording")
    func tampered() throws {
        try record()
        let whole = try Data(contentsOf: URL(filePath: file(agent)))
        // Chunks of lines: 4 octets of length, the line, 16 of the tag.
        var places = [32]
        while let start = places.last, start < whole.count {
            let length = whole[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
            places.append(start + 4 + length + 16)
        }
        let chunks = zip(places, places.dropFirst()).map { whole[$0..<$1] }
        #expect(chunks.count == 6)
        func write(_ order: [Int]) throws {
            try (whole.prefix(32) + order.flatMap { chunks[$0] }).write(to: URL(filePath: file(agent)))
        }
        for order in [[0, 2, 1, 3, 4, 5], [0, 1, 1, 2, 3, 4, 5], [0, 2, 3, 4, 5], [1, 0, 2, 3, 4, 5]] {
            try write(order)
            guard case .changed = try read().ending else {
                Issue.record("\(order) opens")
                continue
            }
        }
        try write([0, 1, 2, 3, 4, 5, 5])
        #expect(try read().ending == .changed(chunks: 6))
        try write([0, 1, 2, 3, 4])
        #expect(try read().ending == .cut)
        try whole.write(to: URL(filePath: file(agent)))
        try change { $0[40] ^= 1 }
        #expect(try read().ending == .changed(chunks: 0))
        let other = AgentID(run: "0123456789ab", ordinal: 2)
        try record(other)
        try Data(contentsOf: URL(filePath: file(other))).write(to: URL(filePath: file(agent)))
        #expect(try read().ending == .changed(chunks: 0))
        #expect(try read(other).ending == .whole)
    }

    @Test("I05: beyond its limit it fails by name, and what is there ends whole")
    func bounded() throws {
        let recorder = try recorder(limit: 600)
        let failure = #expect(throws: AuditFailure.self) {
            for number in 0..<100 {
                recorder.take(Array("line \(number)\r\n".utf8), at: UInt64(number))
                try recorder.flush()
            }
        }
        #expect(
            failure?.message.contains("600 octets, the limit; raise recordings") == true,
            "\(failure?.message ?? "")"
        )
        #expect(try read().ending == .whole)
        #expect(recorder.recorded(missing: failure?.message).missing != nil)
    }

    @Test("I05: all terminals of a run share its limit, with its bodies; another run's do not")
    func shared() throws {
        let terminals = RecordedTerminals()
        let line = Array((String(repeating: "x", count: 400) + "\r\n").utf8)
        func record(_ agent: AgentID) throws {
            let recorder = try recorder(agent, limit: 2_000, terminals: terminals)
            recorder.take(line, at: 1)
            try recorder.finish()
        }
        var recorded = 0
        let failure = #expect(throws: (any Error).self) {
            for number in 1...100 {
                try record(AgentID(run: agent.run, ordinal: number))
                recorded = number
            }
        }
        #expect((2...4).contains(recorded), "\(recorded)")
        let message = failure.map { "\($0)" } ?? ""
        #expect(message.contains("2000 octets, the limit; raise recordings"), "\(message)")
        try record(AgentID(run: "ba9876543210", ordinal: 1))
        let bodies = BodyFiles(directory: state.path, limit: 2_000, terminals: terminals)
        let place = BodyPlace(run: agent.run, exchange: 1, side: .request)
        let body = [UInt8](repeating: 1, count: 1_500)
        let refused = #expect(throws: AuditFailure.self) { _ = try bodies.append(body, to: place) }
        #expect(refused?.message.contains("the limit; raise recordings") == true)
        // The control: without terminals there is room for that.
        let alone = BodyFiles(directory: state.path, limit: 2_000)
        _ = try alone.append(body, to: place)
        terminals.forget(agent.run)
        let full = #expect(throws: (any Error).self) { try record(AgentID(run: agent.run, ordinal: 200)) }
        #expect(full.map { "\($0)" }?.contains("the limit; raise recordings") == true)
    }

    @Test("I06: another recording of the same length, sealed with the same key, is not the one on record")
    func rewritten() throws {
        func record(_ text: String) throws -> RecordedTerminal {
            let recorder = try recorder()
            recorder.take(Array("\(text)\r\n".utf8), at: 1)
            try recorder.finish()
            return recorder.recorded(missing: nil)
        }
        let recorded = try record("rm -rf everything")
        #expect(TerminalState(agent, in: state.path).isAsRecorded(recorded))
        try FileManager.default.removeItem(atPath: file(agent))
        let other = try record("ls -la everything")
        let found = TerminalState(agent, in: state.path)
        #expect(other.octets == recorded.octets && other.chunks == recorded.chunks)
        #expect(found.finding?.ending == .whole && found.octets == recorded.octets)
        #expect(found.isAsRecorded(other) && !found.isAsRecorded(recorded))
        // A record from before there was a digest.
        let older = RecordedTerminal(
            chunks: recorded.chunks,
            octets: recorded.octets,
            digest: nil,
            missing: nil
        )
        #expect(found.isAsRecorded(older))
    }

    @Test("What is no recording, among those of terminals, is in nobody's way")
    func strays() throws {
        let made = try Command.run(
            [
                "/bin/sh", "-ec",
                "mkdir -m 700 terminals; cd terminals; mkdir -m 0 lost+found; touch stray; mkfifo pipe",
            ],
            environment: ["PATH": "/usr/bin:/bin"],
            directory: state.path
        )
        try #require(made.code == 0, "\(made)")
        try record()
        #expect(try read().ending == .whole)
    }

    @Test("A recording that another key sealed says so, and is not taken for a changed one")
    func otherKey() throws {
        try record()
        let key = "\(state.path)/keys/terminals.key"
        let kept = try Data(contentsOf: URL(filePath: key))
        try FileManager.default.removeItem(atPath: key)
        let gone = #expect(throws: (any Error).self) { try record(AgentID(run: agent.run, ordinal: 3)) }
        #expect("\(String(describing: gone))".contains("is gone, and"), "it is not made anew")
        try Data(kept.reversed()).write(to: URL(filePath: key))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
        try record(AgentID(run: agent.run, ordinal: 2))
        #expect(try read().ending == .otherKey && read().text.isEmpty)
        #expect(try read(AgentID(run: agent.run, ordinal: 2)).ending == .whole)
        try kept.write(to: URL(filePath: key))
        #expect(try read().ending == .whole)
        #expect(try read(AgentID(run: agent.run, ordinal: 2)).ending == .otherKey)
    }

    @Test(
        "I05: what a line without an end makes wait is recorded at its end, sequences and sizes of the window among it"
    )
    func waiting() throws {
        let recorder = try recorder()
        recorder.take(Array("x".utf8), at: 1)
        for moment in 2..<12_000 {
            recorder.take(Array("\u{1b}[m".utf8), at: UInt64(moment))
            if moment % 100 == 0 {
                recorder.resize(
                    TerminalRecorder.Window(rows: 24, columns: UInt16(moment % 500)),
                    at: UInt64(moment)
                )
            }
            if moment % 250 == 0 { try recorder.flush() }
        }
        recorder.take(Array("y\r\n".utf8), at: 12_000)
        try recorder.finish()
        let (text, ending) = try read()
        #expect(ending == .whole && text.contains("[0.001, \"o\", \"x\"]"))
        #expect(text.contains("y\\r\\n\"]\n"), "\(text.suffix(200))")
        let events = text.split(separator: "\n").dropFirst()
        // A moment each up to a bound, and then the last one's.
        #expect(events.count > 4_000 && events.count < 9_000, "\(events.count)")
    }

    @Test("Pruning a run removes its terminals, and lists have what is on record of each")
    func kept() throws {
        let store = try state.open(run: agent.run)
        let hop = Hop(agent: agent, name: "top", profile: "top", profileDigest: "d")
        let lineage = Lineage(principal: Principal(localUser: "alice", uid: 1), root: hop)
        let recorded = try record()
        store.append(
            .spawn(
                SpawnRecord(
                    lineage: lineage,
                    argv: ["sh"],
                    workingDirectory: "/",
                    workspace: "/",
                    program: "/bin/sh",
                    programDigest: nil,
                    limits: [:],
                    degraded: [],
                    terminal: .required
                )
            ),
            until: .durable
        ) { _ in }
        store.append(
            .exit(ExitRecord(lineage: lineage, status: 0, cause: nil, terminal: recorded)),
            until: .durable
        ) { _ in }
        store.flush()
        var sessions: [RecordedSession] = []
        try AuditReader(directory: state.path).terminals { sessions.append($0) }
        #expect(sessions.map(\.agent) == [agent] && sessions.first?.recorded == recorded)
        #expect(sessions.first?.recording == .required && sessions.first?.ended != nil)
        #expect(TerminalFiles.size(of: agent, in: state.path).map { $0 > recorded.octets } == true)
    }
}
