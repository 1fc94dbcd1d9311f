import Model
import NIOCore
import NIOWebSocket
import TestSupport
import Testing
import WebSocketProtocol
import Wire

struct RelayTests {
    /// What the other side gets of octets in pieces of `cut`, and what the sender is told.
    private static func play(
        _ bytes: [UInt8],
        from side: Side,
        cut: Int = .max,
        _ relay: inout WebSocketRelay<Glass, Glass>
    ) -> (forward: ByteBuffer, answer: ByteBuffer, fault: WebSocketFault?) {
        var forward = ByteBuffer()
        var answer = ByteBuffer()
        var rest = bytes[...]
        while !rest.isEmpty {
            let step = relay.received(ByteBuffer(bytes: rest.prefix(cut)), from: side)
            rest = rest.dropFirst(cut)
            forward.writeImmutableBuffer(step.forward)
            if let own = step.answer { answer.writeImmutableBuffer(own) }
            if let fault = step.fault { return (forward, answer, fault) }
        }
        return (forward, answer, nil)
    }

    private static func relay(
        _ outward: Glass = Glass(),
        _ inward: Glass = Glass()
    ) -> WebSocketRelay<Glass, Glass> {
        WebSocketRelay(outward: outward, inward: inward)
    }

    @Test(arguments: [1, 2, 3, 7, Int.max])
    func `Frames of every kind go on in both directions, masked to the server and bare to the client`(
        cut: Int
    ) throws {
        var relay = Self.relay()
        let client =
            masked(0x81, "one") + masked(0x02, "tw") + masked(0x89, "ping") + masked(0x80, "o")
            + masked(0x81, "") + masked(0x8A, "")
        let up = Self.play(client, from: .client, cut: cut, &relay)
        #expect(try read(up.forward) == ["1m one", "+2m tw", "9m ping", "0m o", "1m ", "10m "])
        let server =
            plain(0x01, "th") + plain(0x00, "r") + plain(0x80, "ee") + plain(0x89, "x") + plain(0x82, "four")
        let down = Self.play(server, from: .upstream, cut: cut, &relay)
        #expect(try read(down.forward) == ["+1 th", "+0 r", "0 ee", "9 x", "2 four"])
        #expect(up.fault == nil && down.fault == nil && !relay.isOver)
        #expect(relay.upstream.stage.seen.map(\.kind) == [.text, .text, .text, .control, .binary])
        #expect(relay.upstream.stage.seen.map(\.isLast) == [false, false, true, true, true])
    }

    @Test func `The key of a frame to the server is the gateway's own`() {
        var relay = Self.relay()
        let frames = (0..<8).map { _ in Self.play(masked(0x81, "a"), from: .client, &relay).forward }
        let keys = Set(frames.compactMap { $0.getBytes(at: 2, length: 4) })
        #expect(keys.count > 1 && !keys.contains(key))
    }

    @Test(arguments: [65_535, 65_536, 65_537, 200_000, 1_000_001])
    func `A frame larger than is held goes on in fragments, with no more held than that`(size: Int) throws {
        var relay = Self.relay()
        let text = String(repeating: "x", count: size)
        let up = Self.play(masked(0x81, text), from: .client, cut: 10_000, &relay)
        let frames = try read(up.forward)
        #expect(frames.count == (size + 65_535) / 65_536)
        #expect(frames.map { $0.drop { $0 != " " }.dropFirst() }.joined() == text)
        #expect(frames.first?.hasPrefix(size > 65_536 ? "+1m " : "1m ") == true)
        #expect(frames.last?.hasPrefix(size > 65_536 ? "0m " : "1m ") == true)
    }

    @Test func `What a stage keeps back goes on with the last piece, under the message's own opcode`() throws
    {
        var relay = Self.relay(Glass(keepingBack: true))
        let up = Self.play(
            masked(0x01, "a") + masked(0x00, "b") + masked(0x89, "p") + masked(0x80, "c"),
            from: .client,
            &relay
        )
        #expect(try read(up.forward) == ["9m p", "1m abc"])
    }

    @Test(arguments: [1, Int.max])
    func `The close handshake is passed on, and nothing behind it`(cut: Int) throws {
        var relay = Self.relay()
        let bye = frame(0x88, [0x03, 0xE8] + Array("bye".utf8), key: key) + masked(0x81, "late")
        let up = Self.play(bye, from: .client, cut: cut, &relay)
        #expect(try read(up.forward) == ["8m 1000 bye"])
        #expect(!relay.isOver)
        let down = Self.play(plain(0x81, "last") + plain(0x88, ""), from: .upstream, cut: cut, &relay)
        #expect(try read(down.forward) == ["1 last", "8 "])
        #expect(relay.isOver)
    }

    struct Violation: CustomTestStringConvertible, Sendable {
        let name: String
        let bytes: [UInt8]
        var side = Side.client

        var testDescription: String { name }
    }

    private static let long = [UInt8](repeating: 0x61, count: 126)

    @Test(arguments: [
        Violation(name: "not masked", bytes: plain(0x81, "a")),
        Violation(name: "masked by the server", bytes: masked(0x81, "a"), side: .upstream),
        Violation(name: "RSV1, as permessage-deflate has it", bytes: masked(0xC1, "a")),
        Violation(name: "RSV2", bytes: masked(0xA1, "a")), Violation(name: "RSV3", bytes: masked(0x91, "a")),
        Violation(name: "reserved opcode", bytes: masked(0x83, "a")),
        Violation(name: "reserved control opcode", bytes: masked(0x8B, "a")),
        Violation(name: "ping of 126 octets", bytes: frame(0x89, long, key: key)),
        Violation(name: "ping in fragments", bytes: masked(0x09, "a")),
        Violation(name: "continuation of nothing", bytes: masked(0x80, "a")),
        Violation(name: "message in a message", bytes: masked(0x01, "a") + masked(0x01, "b")),
        Violation(
            name: "length in 16 bits that fits 7",
            bytes: frame(0x81, [0x61], key: key, length: [126, 0, 1])
        ),
        Violation(
            name: "length in 64 bits that fits 16",
            bytes: frame(0x81, long, key: key, length: [127, 0, 0, 0, 0, 0, 0, 0, 126])
        ),
        Violation(
            name: "length of 2^63",
            bytes: frame(0x81, [], key: key, length: [127, 0x80, 0, 0, 0, 0, 0, 0, 0])
        ),
        Violation(name: "close of one octet", bytes: frame(0x88, [3], key: key)),
        Violation(name: "close with 1005", bytes: frame(0x88, [0x03, 0xED], key: key)),
        Violation(name: "close with 999", bytes: frame(0x88, [0x03, 0xE7], key: key)),
        Violation(name: "close whose reason is not UTF-8", bytes: frame(0x88, [0x03, 0xE8, 0xFF], key: key)),
        Violation(name: "close of the server with 1006", bytes: frame(0x88, [0x03, 0xEE]), side: .upstream),
    ])
    func `A violation closes with 1002, and the other side hears that this one is going away`(
        violation: Violation
    ) throws {
        for cut in [1, Int.max] {
            var relay = Self.relay()
            let played = Self.play(violation.bytes, from: violation.side, cut: cut, &relay)
            let mask = violation.side == .client ? "m" : ""
            #expect(played.fault?.reason == .malformed)
            #expect(try read(played.answer).first?.hasPrefix("8\(mask == "m" ? "" : "m") 1002 ") == true)
            let why = violation.side == .client ? "" : played.fault?.message ?? "?"
            #expect(try read(played.forward).last == "8\(mask) 1001 \(why)")
        }
    }

    @Test func `A frame of the largest length there is waits, and costs nothing`() {
        var relay = Self.relay()
        let head = frame(0x82, [], key: key, length: [127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
        #expect(Self.play(head, from: .client, &relay).fault == nil)
    }

    @Test func `What a stage refuses closes with 1008, and is not passed on`() throws {
        var relay = Self.relay(Glass(refusing: "secret"))
        let up = Self.play(masked(0x81, "fine") + masked(0x81, "a secret"), from: .client, &relay)
        #expect(up.fault?.reason == .placeholderMisused)
        #expect(try read(up.forward) == ["1m fine", "8m 1001 "])
        #expect(try read(up.answer) == ["8 1008 it is refused"])
        var other = Self.relay(Glass(), Glass(refusing: "secret"))
        let down = Self.play(frame(0x81, Array("a secret".utf8)), from: .upstream, &other)
        #expect(try read(down.forward) == ["8 1001 it is refused"])
    }

    @Test func `A reason that is too long for a close frame ends with a whole word`() throws {
        let words = Array(repeating: "word", count: 40).joined(separator: " ")
        var relay = Self.relay(Glass(refusing: "secret", because: words))
        let played = Self.play(masked(0x81, "secret"), from: .client, &relay)
        let told = try #require(try read(played.answer).first)
        #expect(told.hasSuffix(" word ...") && told.utf8.count <= "8 1008 ".utf8.count + 123, "\(told)")
    }

    @Test func `The key and what shows that it was understood are those of the RFC's example`() {
        #expect(WebSocketKey("dGhlIHNhbXBsZSBub25jZQ==")?.accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(WebSocketKey("dGhlIHNhbXBsZSBub25jZQ") == nil && WebSocketKey("AAAA") == nil)
        let own = WebSocketKey.random()
        #expect(WebSocketKey(own.text) == own && own != WebSocketKey.random())
    }

    /// NIOWebSocket's decoder is the other opinion: what it reads of arbitrary frames, the relay passes on, or refuses.
    @Test func `Arbitrary octets are read as NIOWebSocket reads them, or refused`() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<3_000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let opcode = [0, 1, 2, 8, 9, 10].randomElement(using: &random) ?? 0
                let size = [0, 1, 5, 125, 126, 300].randomElement(using: &random) ?? 0
                bytes += frame(
                    UInt8(opcode) | (Bool.random(using: &random) ? 0x80 : 0),
                    (0..<size).map { _ in UInt8.random(in: 0x20...0x7E, using: &random) },
                    key: (0..<4).map { _ in UInt8.random(in: 0...255, using: &random) }
                )
            }
            if Bool.random(using: &random) {
                let index = Int.random(in: bytes.indices, using: &random)
                bytes[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
            }
            var relay = Self.relay()
            let cut = Int.random(in: 1...40, using: &random)
            let played = Self.play(bytes, from: .client, cut: cut, &relay)
            guard played.fault == nil else { continue }
            let expected = try messages(read(ByteBuffer(bytes: bytes)))
            let passed = try messages(read(played.forward))
            #expect(passed == Array(expected.prefix(passed.count)))
            #expect(passed.count == expected.count || passed.last?.hasPrefix("8m") == true)
        }
    }

    @Test func `Frames that were read are not held, so that their buffer is read into again`() throws {
        var reader = MessageReader(from: .upstream)
        var arrived = ByteBuffer(bytes: frame(0x82, [1, 2, 3]) + frame(0x82, [4]))
        reader.append(arrived)
        let first = try #require(try reader.next())
        let isHeld = arrived.writesToCopy()
        #expect(isHeld, "the second waits behind \(first.payload)")
        arrived = ByteBuffer(bytes: frame(0x82, [1, 2, 3]))
        while try reader.next() != nil {}
        reader.append(arrived)
        while try reader.next() != nil {}
        let isStillHeld = arrived.writesToCopy()
        #expect(!isStillHeld)
    }
}
