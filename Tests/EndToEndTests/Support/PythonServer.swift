import Foundation
import Testing

/// A server of a test's own on loopback, with the certificates of `Servers`, that logs what it got.
///
/// Its program finds `folder`, `ports`, `context` (TLS for a server) and `log` there, and ends with the test process by its
/// own standard input's end.
final class PythonServer: Sendable {
    let ports: [UInt16]
    /// The same with the authority that signed its certificate.
    let folder: String
    private let log: String
    private let process: Process

    var port: UInt16 { ports[0] }

    init(_ name: String, _ program: String, ports count: Int = 1) throws {
        folder = try Servers.started().folder
        let ports = try (0..<count).map { _ in try Port.free() }
        self.ports = ports
        log = "\(folder)/\(name).log"
        let text = Self.opening.replacing("NAME", with: name) + program
        try text.write(toFile: "\(folder)/\(name).py", atomically: true, encoding: .utf8)
        process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = ["\(folder)/\(name).py", folder] + ports.map(String.init)
        process.standardInput = Pipe()
        try process.run()
        for port in ports { try Port.awaitOpen(port) }
    }

    /// Ends it, and waits until nobody accepts at its ports.
    func end() throws {
        try (process.standardInput as? Pipe)?.fileHandleForWriting.close()
        let end = Date(timeIntervalSinceNow: 60)
        for port in ports {
            while Port.connect(to: port) != nil, Date() < end { Thread.sleep(forTimeInterval: 0.01) }
            try #require(Port.connect(to: port) == nil, "port \(port) accepts still")
        }
    }

    /// The lines of its log that hold a text.
    func lines(with text: String) throws -> [String] {
        try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map(String.init)
            .filter { $0.contains(text) }
    }

    /// The same, once there are so many, or a bound is over: what it logs at the end of a connection it logs when it hears of
    /// that end, which no client waits for.
    func lines(with text: String, count: Int) throws -> [String] {
        let end = Date(timeIntervalSinceNow: 60)
        while try lines(with: text).count < count, Date() < end { Thread.sleep(forTimeInterval: 0.01) }
        return try lines(with: text)
    }

    private static let opening = #"""
        import os, socket, ssl, sys, threading
        folder, ports = sys.argv[1], [int(port) for port in sys.argv[2:]]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder + "/server.pem", folder + "/server.key")
        log = open(folder + "/NAME.log", "a", buffering=1)
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()

        """#
}
