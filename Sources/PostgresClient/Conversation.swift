internal import Glibc
internal import PostgresLink

/// Takes orders one after another, and answers each.
struct Conversation {
    private var input = FrameBuffer()
    private var output: [UInt8] = []
    private var server: Server?

    /// Octets that are read at a time, and answers that go together.
    private static let piece = 64 << 10

    /// Returns when there is nothing more to read, or nobody to answer.
    mutating func run() {
        while let order = next() {
            switch order {
            case .connect(let words):
                // Once: until then whoever lets go is heard of where orders are read.
                guard server == nil else { return }
                Confinement.narrow(to: words)
                Owner.endWith()
                let made = Server(words)
                server = made
                answer(made.refusal ?? .done(0))
            case .run(let statement, let values):
                guard let server else { return }
                server.run(statement, values) { answer($0) }
            case .wait(let milliseconds):
                guard let server else { return }
                answer(server.wait(milliseconds))
            }
            guard flush() else { return }
        }
    }

    private mutating func next() -> PostgresOrder? {
        var buffer = [UInt8](repeating: 0, count: Self.piece)
        while true {
            do throws(FrameFault) {
                if let frame = try input.next() { return try PostgresOrder(frame) }
            } catch {
                return nil
            }
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe read(STDIN_FILENO, bytes.baseAddress, bytes.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            input.append(Array(buffer[..<count]))
        }
    }

    private mutating func answer(_ answer: PostgresAnswer) {
        output += answer.frame
        // Whoever does not listen any more is found out behind the last.
        if output.count >= Self.piece { _ = flush() }
    }

    /// False where nobody takes it.
    private mutating func flush() -> Bool {
        defer { output.removeAll(keepingCapacity: true) }
        var start = 0
        while start < output.count {
            let count = unsafe output.withUnsafeBytes { bytes in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
                return unsafe send(STDOUT_FILENO, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { exit(0) }
            start += count
        }
        return true
    }
}
