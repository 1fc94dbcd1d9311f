import PostgresLink
import Testing

/// What goes between Bailey and bailey-postgres.
@Suite("Frames of bailey-postgres") struct PostgresFrameTests {
    static let orders: [PostgresOrder] = [
        .connect([]), .connect(["host", "db.example.com", "password", ""]),
        .wait(0), .run("SELECT 1", []), .run("SELECT $1, $2, $3", [.text("é"), .octets([0, 255]), .null]),
    ]
    static let answers: [PostgresAnswer] = [
        .row([]), .row([.octets([0, 0, 0, 0, 0, 0, 0, 42]), .null, .octets([])]), .done(0), .done(.max),
        .refused(state: "42501", words: "permission denied"), .refused(state: "", words: ""),
    ]

    @Test("What is written is read, cut at every octet")
    func pieces() throws {
        let octets = Self.answers.flatMap(\.frame)
        for step in 1...octets.count {
            var buffer = FrameBuffer()
            var read: [PostgresAnswer] = []
            for start in stride(from: 0, to: octets.count, by: step) {
                buffer.append(Array(octets[start..<min(start + step, octets.count)]))
                while let frame = try buffer.next() { read.append(try PostgresAnswer(frame)) }
            }
            #expect(read == Self.answers)
        }
        var buffer = FrameBuffer()
        buffer.append(Self.orders.flatMap(\.frame))
        for order in Self.orders {
            let frame = try #require(try buffer.next())
            #expect(try PostgresOrder(frame) == order)
        }
        #expect(try buffer.next() == nil)
    }

    @Test("What is no frame is refused, and one that is too long before it is there")
    func damaged() throws {
        var buffer = FrameBuffer()
        buffer.append([0x04, 0, 0, 1])
        #expect(throws: FrameFault.self) { try buffer.next() }
        for frame in Self.answers.map({ $0.frame.dropFirst(4) }) {
            for end in frame.indices.dropLast() {
                let cut = frame[...end]
                // Whole fields less are a row of fewer columns.
                guard let answer = try? PostgresAnswer(cut) else { continue }
                guard case .row = answer else {
                    Issue.record("\(answer) of \(cut)")
                    continue
                }
            }
        }
        let strange: [[UInt8]] = [[], [0x5A], [0x51], [0x43, 0x74, 0, 0, 0, 1, 0x61], [0x52, 0x78], [0x44]]
        for octets in strange {
            #expect(throws: FrameFault.self) { try PostgresAnswer(octets[...]) }
            #expect(throws: FrameFault.self) { try PostgresOrder(octets[...]) }
        }
    }

    @Test("A number of a row is eight octets, most significant first")
    func numbers() {
        #expect(PostgresValue.octets([255, 255, 255, 255, 255, 255, 255, 254]).number == -2)
        #expect(PostgresValue.octets([1]).number == nil && PostgresValue.null.number == nil)
        #expect(PostgresValue.octets([0xC3]).string == nil && PostgresValue.octets([]).string == "")
    }
}
