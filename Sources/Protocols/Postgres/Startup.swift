internal import Model
package import NIOCore

/// A name and a value of a first packet.
package struct PostgresSetting: Sendable, Hashable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// What a session for replication is with (PostgreSQL 15, "Streaming Replication Protocol").
package enum PostgresReplication: String, Sendable, Hashable {
    /// The whole cluster: its log, its files.
    case physical = "true"
    /// One database, whose changes are decoded.
    case logical = "database"

    /// As the first packet says it.
    package var setting: PostgresSetting { PostgresSetting("replication", rawValue) }
}

/// StartupMessage: who the client says it is, and what it sets for its session.
package struct PostgresStartup: Sendable, Hashable {
    /// As the client says; the gateway logs in as the user of its rule.
    package let user: String
    /// Of physical replication `replication`, whatever the client says: the server takes no heed of it.
    package let database: String
    /// What goes on, each of a name in `passed`.
    package let settings: [PostgresSetting]
    /// Which protocol of replication it wants; nil for none.
    package let replication: PostgresReplication?
    /// NegotiateProtocolVersion, to be sent first; nil where the client asks for nothing newer.
    package let negotiation: ByteBuffer?

    /// Settings of a session that neither change what a statement means nor what it may.
    ///
    /// Everything else is for SET, which a rule decides.
    package static let passed: Set<String> = [
        "application_name", "bytea_output", "client_encoding", "client_min_messages", "datestyle",
        "extra_float_digits", "intervalstyle", "timezone", "xmlbinary",
    ]

    init(code: UInt32, _ packet: ByteBuffer) throws(PostgresFault) {
        guard code >> 16 == 3 else {
            throw PostgresFault(
                .unsupported,
                "the client speaks version \(code >> 16).\(code & 0xFFFF) of the protocol",
                code: "0A000",
                remedy: "use a client that speaks version 3 (PostgreSQL 7.4 and later)"
            )
        }
        var fields = try Fields(packet)
        let wantsNewer = code & 0xFFFF > 0 || !fields.extensions.isEmpty
        negotiation = wantsNewer ? Self.negotiation(fields.extensions) : nil
        guard let user = fields.take("user"), !user.isEmpty else {
            throw PostgresFault(.malformed, "the client names no user", code: "28000", remedy: "name one")
        }
        self.user = user
        let named = fields.take("database") ?? ""
        replication = try Self.replication(fields.take("replication"))
        database =
            replication == .physical ? SQLRequest.cluster.text : named.isEmpty ? user : named
        let options = try fields.take("options").map(Self.options) ?? []
        settings = try (options + fields.rest).map(Self.admitted)
    }

    private static func admitted(_ setting: PostgresSetting) throws(PostgresFault) -> PostgresSetting {
        guard passed.contains(setting.name.lowercasedASCII) else {
            throw PostgresFault(
                .denied,
                "the setting \(setting.name) in the first packet is not passed on",
                code: "42501",
                remedy: "connect without it, and use SET, which a rule decides"
            )
        }
        return setting
    }

    /// Words of a boolean (`parse_bool`), and `database`.
    private static func replication(_ value: String?) throws(PostgresFault) -> PostgresReplication? {
        switch value?.lowercasedASCII {
        case nil, "false", "off", "no", "0": nil
        case "true", "on", "yes", "1": .physical
        case "database": .logical
        default: throw .violation("the first packet's replication is no word of a boolean")
        }
    }

    /// `-c name=value`, `-cname=value` and `--name=value`, blanks escaped by a backslash (`pg_split_opts`).
    private static func options(_ text: String) throws(PostgresFault) -> [PostgresSetting] {
        var settings: [PostgresSetting] = []
        var isName = false
        for word in words(text) {
            if isName {
                settings.append(try setting(word[...]))
                isName = false
            } else if word.isSame(as: "-c") {
                isName = true
            } else if word.begins(with: "-c") || word.begins(with: "--") {
                settings.append(try setting(word.dropFirst(bytes: 2)))
            } else {
                throw unread
            }
        }
        guard !isName else { throw unread }
        return settings
    }

    private static let unread = PostgresFault(
        .denied,
        "the options in the first packet are other ones than -c name=value and --name=value",
        code: "42501",
        remedy: "connect without them (PGOPTIONS)"
    )

    private static func setting(_ word: Substring) throws(PostgresFault) -> PostgresSetting {
        guard let place = word.firstPlace(of: "=") else { throw unread }
        let name = String(
            decoding: word[..<place].utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 },
            as: Unicode.UTF8.self
        )
        return PostgresSetting(name, String(word.rest(behind: place)))
    }

    private static func words(_ text: String) -> [String] {
        var words: [[UInt8]] = []
        var word: [UInt8]?
        var isEscaped = false
        for octet in text.utf8 {
            if isEscaped || !(octet == 0x20 || (0x09...0x0D).contains(octet)) {
                if octet == UInt8(ascii: "\\"), !isEscaped {
                    isEscaped = true
                    if word == nil { word = [] }
                    continue
                }
                word = (word ?? []) + [octet]
                isEscaped = false
            } else if let ended = word {
                words.append(ended)
                word = nil
            }
        }
        if let word { words.append(word) }
        return words.map { String(decoding: $0, as: Unicode.UTF8.self) }
    }

    /// Version 3.0, and which extensions are not known: none is.
    private static func negotiation(_ extensions: [String]) -> ByteBuffer {
        Outgoing.message(Tag.negotiation) { body in
            body.writeMultipleIntegers(UInt32(0), UInt32(clamping: extensions.count))
            for name in extensions { Outgoing.text(name, to: &body) }
        }
    }
}

/// The names and values of a first packet, each name once.
private struct Fields {
    private var values: [PostgresSetting] = []
    /// Names of the protocol's own extensions (`_pq_.`).
    private(set) var extensions: [String] = []

    init(_ packet: ByteBuffer) throws(PostgresFault) {
        var packet = packet
        var names: Set<ByteText> = []
        while true {
            guard let name = packet.readText() else { throw Self.unread }
            guard !name.isEmpty else { break }
            guard let value = packet.readText() else { throw Self.unread }
            guard names.insert(ByteText(name.lowercasedASCII)).inserted else {
                throw .violation("the first packet says \(name) twice")
            }
            guard names.count <= PostgresLimits.settings else {
                throw .violation("the first packet has more than \(PostgresLimits.settings) settings")
            }
            if name.begins(with: "_pq_.") {
                extensions.append(name)
            } else {
                values.append(PostgresSetting(name, value))
            }
        }
        guard packet.readableBytes == 0 else {
            throw .violation("the first packet goes on behind its end")
        }
    }

    private static let unread = PostgresFault.violation(
        "the first packet has a string that does not end, or is not UTF-8"
    )

    var rest: [PostgresSetting] { values }

    mutating func take(_ name: String) -> String? {
        values.firstIndex { $0.name.isSame(as: name) }.map { values.remove(at: $0).value }
    }
}
