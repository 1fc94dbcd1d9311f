import Foundation
import Gateway
import Model
import Synchronization
import Testing

/// Bodies that stand for more than a loop looks through in one turn.
@Suite struct CodedBodyTests {
    /// Answers one request when so many octets have come.
    private final class Server: Sendable {
        let port: UInt16
        private let count = Mutex(0)

        init(awaiting octets: Int) throws {
            let (descriptor, port) = try Sockets.listener()
            self.port = port
            Thread { [self] in
                let client = accept(descriptor, nil, nil)
                _ = fcntl(client, F_SETFD, FD_CLOEXEC)
                var buffer = [UInt8](repeating: 0, count: 65_536)
                while received < octets {
                    let more = read(client, &buffer, buffer.count)
                    guard more > 0 else { break }
                    count.withLock { $0 += more }
                }
                let head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
                let answer = Array((head + "ok\n").utf8)
                _ = write(client, answer, answer.count)
                close(client)
                close(descriptor)
            }.start()
        }

        var received: Int { count.withLock { $0 } }
    }

    @Test(arguments: ["nothing", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"])
    func `A coded body of many turns arrives whole, and what is in its last octets is found`(
        last: String
    ) throws {
        let scratch = try Scratch()
        let text = (0..<400_000).map { "line \($0) of a text\n" }.joined() + last + "\n"
        let file = try scratch.write("text", text)
        let coded = try Program.run("/usr/bin/timeout", ["60", "gzip", "-1", file])
        try #require(coded.status == 0, "\(coded.errors)")
        let octets = try #require(FileManager.default.contents(atPath: file + ".gz")).count
        let server = try Server(awaiting: octets)
        let house = try House([web(.http, "allowed.test", server.port)])
        try house.capture("allowed.test", server.port)
        let got = try house.curl([
            "-H", "Content-Encoding: gzip", "-H", "Expect:", "--data-binary", "@" + file + ".gz",
            "http://allowed.test:\(server.port)/v1/x",
        ])
        if last == "nothing" {
            #expect(got.output == "ok\n", "\(got.errors)")
            #expect(server.received > octets)
        } else {
            #expect(house.recorder.first { $0.reason == .secretLeaving } != nil)
        }
    }
}
