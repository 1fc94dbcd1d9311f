import Foundation
import NIOCore
import TestSupport

/// A client that sends what it is told, and says what came: types, SQLSTATE, and where the transaction stands.
final class RawClient {
    private let descriptor: Int32
    private var bytes = ByteBuffer()

    init(_ port: UInt16, user: String = "agent") throws {
        descriptor = try Loopback.connect(port)
        var packet = ByteBuffer()
        packet.writeMultipleIntegers(UInt32(0), UInt32(0x0003_0000))
        packet.writeString("user\0\(user)\0database\0postgres\0\0")
        packet.setInteger(UInt32(packet.readableBytes), at: 0)
        Loopback.write(descriptor, packet)
        _ = try until("Z")
    }

    deinit { close(descriptor) }

    func send(_ messages: [[UInt8]]) {
        Loopback.write(descriptor, ByteBuffer(bytes: messages.flatMap(\.self)))
    }

    /// The messages up to one of this kind, or the end of the connection: `1`, `C(SELECT 1)`, `E(42501)`, `Z(I)`.
    func until(_ kind: Character) throws -> [String] {
        var seen: [String] = []
        while true {
            guard let message = try next() else { return seen + ["end"] }
            if !"SKRN".contains(message.first ?? " ") { seen.append(message) }
            if message.first == kind { return seen }
        }
    }

    private func next() throws -> String? {
        while true {
            if let length = bytes.getInteger(at: bytes.readerIndex + 1, as: UInt32.self),
                var message = bytes.readSlice(length: Int(length) + 1)
            {
                return Self.text(&message)
            }
            var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, 20_000) == 1 else {
                throw Finding(what: "the server says nothing for 20 s")
            }
            guard var more = Loopback.read(descriptor) else { return nil }
            bytes.writeBuffer(&more)
        }
    }

    private static func text(_ message: inout ByteBuffer) -> String {
        let kind = message.readString(length: 1) ?? ""
        message.moveReaderIndex(forwardBy: 4)
        let body = Array(message.readableBytesView)
        switch kind {
        case "Z": return "Z(\(String(decoding: body, as: UTF8.self)))"
        case "C": return "C(\(String(decoding: body.dropLast(), as: UTF8.self)))"
        case "E":
            let code = body.split(separator: 0).first { $0.first == UInt8(ascii: "C") }
            return "E(\(String(decoding: code?.dropFirst() ?? [], as: UTF8.self)))"
        case "D", "d":
            return "\(kind)(\(String(decoding: body.filter { $0 >= 0x20 && $0 < 0x7F }, as: UTF8.self)))"
        default: return kind
        }
    }
}

/// Messages of a client.
enum Say {
    static func message(_ tag: Character, _ body: [UInt8]) -> [UInt8] {
        let length = UInt32(body.count + 4)
        return Array(String(tag).utf8) + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + body
    }

    static func text(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }

    static func query(_ sql: String) -> [UInt8] { message("Q", text(sql)) }
    static func parse(_ sql: String, as name: String = "") -> [UInt8] {
        message("P", text(name) + text(sql) + [0, 0])
    }
    static func bind(_ name: String = "", to portal: String = "", binary: Bool = false) -> [UInt8] {
        message("B", text(portal) + text(name) + [0, 0, 0, 0] + (binary ? [0, 1, 0, 1] : [0, 0]))
    }
    static func describe(_ kind: String, _ name: String = "") -> [UInt8] {
        message("D", Array(kind.utf8) + text(name))
    }
    static func execute(_ portal: String = "", rows: UInt8 = 0) -> [UInt8] {
        message("E", text(portal) + [0, 0, 0, rows])
    }
    static func close(_ kind: String, _ name: String) -> [UInt8] {
        message("C", Array(kind.utf8) + text(name))
    }
    static func data(_ text: String) -> [UInt8] { message("d", Array(text.utf8)) }
    static let done = message("c", [])
    static let failed = message("f", text("no more"))
    static let sync = message("S", [])
    static let flush = message("H", [])

    /// Parse, Bind, Describe, Execute.
    static func whole(_ sql: String, as name: String = "") -> [UInt8] {
        parse(sql, as: name) + bind(name) + describe("P") + execute()
    }

    /// Messages, one behind the other; what is not one as a whole is the last.
    static func frames(_ octets: [UInt8]) -> [[UInt8]] {
        var (frames, rest) = ([[UInt8]](), octets[...])
        while rest.count >= 5 {
            let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
            guard length >= 4, rest.count > length else { break }
            frames.append(Array(rest.prefix(length + 1)))
            rest = rest.dropFirst(length + 1)
        }
        return rest.isEmpty ? frames : frames + [Array(rest)]
    }

    /// Whole messages and nothing else.
    static func areWhole(_ octets: [UInt8]) -> Bool {
        frames(octets).allSatisfy { frame in
            frame.count > 4 && frame.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) } == frame.count - 1
        }
    }
}
