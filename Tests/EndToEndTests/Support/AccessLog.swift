import Foundation
import Testing

/// What an nginx with one worker says in its log.
///
/// A line is written after its answer was sent, so a client that has ended may be ahead of it. A request of the test's own
/// comes behind all others, and the log is whole when that one's line is there.
struct AccessLog {
    let path: String
    /// Where it listens; over TLS it complains, and logs that as well.
    let port: UInt16

    private static let marker = "/marker-of-the-test"

    func lines() throws -> [Substring] {
        let marker = "\(Self.marker)-\(UUID().uuidString)"
        let peer = try #require(Port.connect(to: port), "nginx does not accept at port \(port)")
        try peer.write(contentsOf: Data("GET \(marker) HTTP/1.0\r\n\r\n".utf8))
        defer { try? peer.close() }
        let end = Date(timeIntervalSinceNow: 60)
        while Date() < end {
            let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            if lines.contains(where: { $0.contains(marker) }) {
                return lines.filter { !$0.contains(Self.marker) }
            }
            Thread.sleep(forTimeInterval: 0.002)
        }
        try #require(Bool(false), "nginx does not write its log, \(path)")
        return []
    }
}
