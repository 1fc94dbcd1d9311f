/// Messages of a client of PostgreSQL's, one conversation: what a hostile one says.
struct PostgresAttack: Sendable {
    let name: String
    /// Sent one after another, each when the server is ready for it.
    let steps: [[UInt8]]

    init(_ name: String, _ steps: [UInt8]...) {
        (self.name, self.steps) = (name, steps)
    }

    /// One query.
    init(_ text: String) { self.init(text, Say.query(text)) }

    /// A line for `byhand.py`, with `$M` in texts filled in.
    func line(marked mark: String) -> String {
        let steps = steps.map { $0.map(Self.hex).joined() }.joined(separator: ",")
        return steps.replacing(
            Self.placeholder.map(Self.hex).joined(),
            with: mark.utf8.map(Self.hex).joined()
        )
    }

    /// As long as what takes its place, so that lengths are right.
    private static let placeholder = Array("$MARK---".utf8)
    static let markLength = 8

    private static func hex(_ octet: UInt8) -> String {
        (octet < 16 ? "0" : "") + String(octet, radix: 16)
    }
}

/// Messages of PostgreSQL's protocol, as a client writes them.
enum Say {
    static func message(_ tag: String, _ body: [UInt8], length: UInt32? = nil) -> [UInt8] {
        let length = length ?? UInt32(body.count + 4)
        return Array(tag.utf8) + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + body
    }

    static func query(_ text: [UInt8]) -> [UInt8] { message("Q", text + [0]) }
    static func query(_ text: String) -> [UInt8] { query(Array(text.utf8)) }

    static func parse(_ text: String, as name: String = "") -> [UInt8] {
        message("P", Array(name.utf8) + [0] + Array(text.utf8) + [0, 0, 0])
    }

    static func bind(_ name: String = "", to portal: String = "") -> [UInt8] {
        message("B", Array(portal.utf8) + [0] + Array(name.utf8) + [0, 0, 0, 0, 0, 0, 0])
    }

    static func execute(_ portal: String = "") -> [UInt8] {
        message("E", Array(portal.utf8) + [0, 0, 0, 0, 0])
    }
    static func close(_ kind: String, _ name: String) -> [UInt8] {
        message("C", Array((kind + name).utf8) + [0])
    }
    static let sync = message("S", [])

    /// Parse, Bind, Execute.
    static func whole(_ text: String) -> [UInt8] { parse(text) + bind() + execute() }

    /// A first packet.
    static func packet(_ code: UInt32, _ body: [UInt8] = [], length: UInt32? = nil) -> [UInt8] {
        message("", [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: code >> $0) } + body, length: length)
    }

    static let tls = packet(80_877_103)
    static let gssapi = packet(80_877_104)
}
