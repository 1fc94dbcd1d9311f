import NIOCore
import TestSupport
import Testing
import WebSocketProtocol
import Wire

struct FuzzTests {
    @Test(
        "Frames of either side: no trap, the same messages in pieces, and what goes on is read by NIO",
        arguments: [
            Side.client, .upstream,
        ]
    )
    func frames(side: Side) throws {
        let write = side == .client ? masked : plain
        let seeds = [
            write(0x81, "one") + write(0x02, "tw") + write(0x89, "ping") + write(0x80, "o"),
            write(0x01, "th") + write(0x00, "r") + write(0x80, "ee") + write(0x88, "\u{3}\u{0}bye"),
            write(0x82, String(repeating: "x", count: 70_000)),
            write(0x81, String(repeating: "y", count: 300)),
        ]
        try Fuzz("websocket-\(side)", seeds: seeds).run { input, random in
            func play(_ pieces: [[UInt8]]) throws -> (messages: [String], faults: Bool, isOver: Bool) {
                var relay = WebSocketRelay(outward: Glass(), inward: Glass())
                var forward = ByteBuffer()
                for piece in pieces {
                    let step = relay.received(ByteBuffer(bytes: piece), from: side)
                    forward.writeImmutableBuffer(step.forward)
                    if step.fault != nil { return (messages(try read(forward)), true, relay.isOver) }
                }
                return (messages(try read(forward)), false, relay.isOver)
            }
            let whole = try play([input])
            let cut = try play(input.pieces(of: 4_000, &random))
            try Finding.unless(
                whole.faults == cut.faults,
                "in pieces it is \(cut.faults ? "" : "not ")refused"
            )
            guard !whole.faults else { return }
            try Finding.unless(
                whole == cut,
                "in pieces it is another: \(whole.messages.count) \(cut.messages.count)"
            )
        }
    }
}
