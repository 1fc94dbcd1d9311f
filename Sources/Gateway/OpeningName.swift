internal import Model
internal import NIOCore

/// What the first octets of a connection look like, for the record of its refusal; nothing is decided by it.
enum OpeningName {
    /// What clients that speak first begin with, in the order in which it is looked for; a word in capitals (SMTP, IRC) is
    /// taken for a method of HTTP's, and refused as that.
    private static let openings: [(prefix: [UInt8], name: String)] = [
        (Array("SSH-".utf8), "SSH"), (Array("@RSYNCD:".utf8), "rsync"), (Array("*".utf8), "Redis"),
        (Array("\u{13}BitTorrent protocol".utf8), "BitTorrent"), (Array("AMQP".utf8), "AMQP"),
    ]

    static func of(_ view: ByteBufferView) -> String {
        if let known = openings.first(where: { view.starts(with: $0.prefix) }) { return known.name }
        return isLDAP(Array(view.prefix(7))) ? "LDAP" : "a connection"
    }

    /// A message 1 whose request is to bind (RFC 4511 section 4.2), by a length of one octet.
    private static func isLDAP(_ octets: [UInt8]) -> Bool {
        octets.count == 7 && octets[0] == 0x30 && octets[2...5] == [0x02, 0x01, 0x01, 0x60]
    }
}
