import Foundation
import Synchronization

/// Takes one connection and remembers what comes; answers when it has it all.
final class OneConnectionServer: Sendable {
    let port: UInt16
    private let seen = Mutex<[UInt8]>([])

    /// - Parameter isAll: whether what has come is all, asked whenever more has come.
    /// - Throws: when it cannot listen.
    init(until isAll: @escaping @Sendable ([UInt8]) -> Bool) throws {
        let (descriptor, port) = try Sockets.listener()
        self.port = port
        Thread { [self] in
            let client = accept(descriptor, nil, nil)
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(client, &buffer, buffer.count)
                guard count > 0 else { break }
                seen.withLock { $0 += buffer[..<count] }
                guard isAll(received) else { continue }
                let answer = Array(
                    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n".utf8
                )
                _ = write(client, answer, answer.count)
            }
            close(client)
            close(descriptor)
        }.start()
    }

    var received: [UInt8] { seen.withLock { $0 } }

    var text: String { String(decoding: received, as: UTF8.self) }
}
