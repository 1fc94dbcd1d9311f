import Foundation
import Glibc
import Linux
import Supervisor
import Testing

/// Supervisors that do not answer at once.
struct SupervisorSearchTests {
    /// Milliseconds of each search: longer than anybody waits here.
    private static let patience: UInt64 = 3_600_000

    /// A folder for sockets, which is gone behind it.
    private func withSocket(_ body: (_ path: String, _ listener: Int32) throws -> Void) throws {
        let folder = "/tmp/bailey-search-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let listener = try PacketSocket.listen(at: folder + "/control", backlog: 0)
        try body(folder + "/control", listener.rawValue)
        _ = consume listener
    }

    /// Whether a search ends within a time.
    private func ends(_ search: SupervisorSearch, within seconds: Double) -> Bool {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while search.isUnderWay, Date() < deadline { usleep(5_000) }
        return !search.isUnderWay
    }

    @Test func `One that listens is found`() throws {
        try withSocket { path, _ in
            let search = SupervisorSearch([path], patience: Self.patience)
            #expect(ends(search, within: 60) && search.missing.isEmpty)
            #expect(search.take().count == 1)
        }
    }

    @Test func `Of a path whose earlier look is not over nothing is known, which is told at once`() throws {
        try withSocket { path, _ in
            // Until its queue is full: who connects then waits.
            var waiting: [Int32] = []
            defer { for descriptor in waiting { close(descriptor) } }
            do {
                while waiting.count < 64 {
                    waiting.append(try PacketSocket.connect(to: path, patience: 0).release())
                }
            } catch let error as SystemCallError {
                try #require(error.errno == EAGAIN, "\(error)")
            }
            try #require(waiting.count < 64)
            var searches = [SupervisorSearch([path], patience: Self.patience)]
            let deadline = Date(timeIntervalSinceNow: 60)
            var told: SupervisorSearch?
            // One of them waits at the path; whichever began to look there meanwhile does not.
            while told == nil, Date() < deadline {
                searches.append(SupervisorSearch([path], patience: Self.patience))
                _ = ends(searches[searches.count - 1], within: 1)
                told = searches.first { !$0.isUnderWay && !$0.missing.isEmpty }
            }
            #expect(told?.missing == [path])
        }
    }
}
