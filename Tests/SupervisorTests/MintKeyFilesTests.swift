import Foundation
import Identity
import Model
import Supervisor
import Testing

/// The keys that vouch for agents as they are kept: through rotations, restarts, deaths and rivals.
@Suite("Keys that vouch for agents, in files")
struct MintKeyFilesTests {
    private static let day: TimeInterval = 24 * 3_600
    private let began = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))
    private let schedule = KeySchedule(life: 10 * day)
    private let domain: TrustDomain

    init() throws { domain = try #require(TrustDomain("example.org")) }

    /// A state directory of its own.
    private func withState(_ body: (State) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "bailey-keys-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(State(path: folder))
    }

    private struct State {
        let path: String

        var keys: [String] {
            ((try? FileManager.default.contentsOfDirectory(atPath: path + "/keys")) ?? []).sorted()
        }

        func remove(_ name: String) throws {
            try FileManager.default.removeItem(atPath: "\(path)/keys/\(name)")
        }

        func octets(_ name: String) -> Data? { FileManager.default.contents(atPath: "\(path)/keys/\(name)") }
    }

    /// As a supervisor that starts reads them.
    private func files(_ state: State) -> MintKeyFiles {
        MintKeyFiles(in: state.path, domain: domain, schedule: schedule)
    }

    private func ring(_ state: State, at days: Double) throws -> MintKeyRing {
        try files(state).ring(at: began + days * Self.day)
    }

    private static let first = ["agent-authority.crt", "agent-authority.key", "agent-token.key"]
    private static let second = ["agent-authority.2.crt", "agent-authority.2.key", "agent-token.2.key"]

    @Test("They are made once; the next when they are due, and the old ones go when what they signed is over")
    func rotates() throws {
        try withState { state in
            let made = try ring(state, at: 0)
            #expect(state.keys == Self.first && made.newest.keys.made == began)
            #expect(try ring(state, at: 9.9).newest.keys.tokenIdentifier == made.newest.keys.tokenIdentifier)
            #expect(state.keys == Self.first)
            let both = try ring(state, at: 10)
            #expect(state.keys == (Self.first + Self.second).sorted())
            #expect(
                both.generations.map(\.number) == [1, 2] && both.newest.keys.made == began + 10 * Self.day
            )
            #expect(both.signing(at: began + 10 * Self.day).number == 1)
            // Each start reads the same.
            for days in [10, 14.9, 15, 16] {
                let again = try ring(state, at: days)
                #expect(
                    again.generations.map(\.keys.tokenIdentifier)
                        == both.generations.map(\.keys.tokenIdentifier)
                )
            }
            let later = try ring(state, at: 16.1)
            #expect(later.signing(at: began + 16.1 * Self.day).number == 2)
            #expect(later.generations.map(\.number) == [2], "what is removed is not named any more")
            #expect(state.keys == Self.second, "the private keys that are of no use are gone")
            #expect(try ring(state, at: 16.2).signing(at: began + 16.2 * Self.day).number == 2)
            #expect(try ring(state, at: 20).generations.map(\.number) == [2, 3])
        }
    }

    @Test("A supervisor that dies while it makes the next ones leaves what the next start goes on with")
    func dies() throws {
        for count in 1...2 {
            try withState { state in
                _ = try ring(state, at: 0)
                _ = try ring(state, at: 10)
                // As if it had died before the last file, or the last two, were there.
                let kept = state.octets("agent-token.2.key")
                for name in Self.second.prefix(count) { try state.remove(name) }
                #expect(
                    try files(state).kept()?.generations.map(\.number) == [1],
                    "they do not count before they are whole"
                )
                let ring = try ring(state, at: 10.5)
                #expect(ring.generations.map(\.number) == [1, 2])
                #expect(ring.newest.keys.made == began + 10.5 * Self.day, "published from now on")
                #expect(state.octets("agent-token.2.key") == kept, "what was made is used")
            }
        }
    }

    @Test(
        "A supervisor that dies while it removes the old ones leaves them of no use, and the next start goes on"
    )
    func diesRemoving() throws {
        try withState { state in
            _ = try ring(state, at: 0)
            _ = try ring(state, at: 10)
            try state.remove("agent-token.key")
            #expect(try ring(state, at: 16.1).generations.map(\.number) == [2])
            #expect(try ring(state, at: 20).generations.map(\.number) == [2, 3])
        }
    }

    @Test("Of many supervisors that make the next ones at once, all have the same")
    func rivals() throws {
        try withState { state in
            _ = try ring(state, at: 0)
            let rings = Results()
            DispatchQueue.concurrentPerform(iterations: 16) { _ in
                rings.add(Result { try ring(state, at: 10) })
            }
            let found = try rings.all.map { try $0.get() }
            #expect(found.count == 16)
            let ids = found.map { $0.generations.map(\.keys.tokenIdentifier) }
            #expect(Set(ids).count == 1 && ids.first?.count == 2)
            #expect(Set(found.map(\.newest.keys.made)).count == 1)
            #expect(state.keys == (Self.first + Self.second).sorted())
        }
    }

    @Test("Where the next ones cannot be made, those that sign go on; a bundle names what is there")
    func unmade() throws {
        try withState { state in
            _ = try ring(state, at: 0)
            // Something that is no key stands where the next one would be.
            let place = state.path + "/keys/agent-token.2.key"
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
            let ring = try ring(state, at: 30)
            #expect(
                ring.generations.map(\.number) == [1] && ring.signing(at: began + 30 * Self.day).number == 1
            )
            try FileManager.default.removeItem(atPath: place)
            #expect(try self.ring(state, at: 31).generations.map(\.number) == [1, 2])
        }
    }

    @Test("Reading alone makes nothing, and of the newest a key that was lost is missed")
    func reading() throws {
        try withState { state in
            #expect(try files(state).kept() == nil)
            #expect(state.keys.isEmpty)
            _ = try ring(state, at: 0)
            try state.remove("agent-authority.key")
            #expect(throws: (any Error).self) { try ring(state, at: 1) }
        }
    }
}

/// What several threads found.
private final class Results: @unchecked Sendable {
    private let lock = NSLock()
    private var found: [Result<MintKeyRing, any Error>] = []

    func add(_ result: Result<MintKeyRing, any Error>) { lock.withLock { found.append(result) } }

    var all: [Result<MintKeyRing, any Error>] { lock.withLock { found } }
}
