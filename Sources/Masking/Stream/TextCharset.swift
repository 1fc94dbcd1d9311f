internal import Model
package import NIOCore

/// What the charset of a text does to the ASCII in it.
package enum TextCharset {
    /// The first charset of a media type's parameters, in lower case, in which ASCII has other octets, or may have; nil where
    /// it is itself in all.
    ///
    /// One that is not known may be any.
    static func foreign(in contentType: String) -> String? {
        named(in: contentType).first { name in !likeASCII.contains { name.begins(with: $0) } }
    }

    /// The same for one in which a credential would not be found: UTF-16 is looked through, and those that shift begin with
    /// ASCII.
    package static func hiding(in contentType: String) -> String? {
        named(in: contentType).first { name in
            !(likeASCII + searched).contains { name.begins(with: $0) }
        }
    }

    /// Whether a text has octets of zero, as the wide charsets have all over, and no other text.
    package static func isWide(_ text: ByteBuffer) -> Bool { text.readableBytesView.firstIndex(of: 0) != nil }

    /// Without quotes of either kind, which both are in use, and `-` for `_`.
    private static func named(in contentType: String) -> [String] {
        contentType.lowercasedASCII.cut(at: ";").dropFirst().compactMap { part in
            let octets = part.utf8.filter { !ignored.contains($0) }.map {
                $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0
            }
            let text = String(decoding: octets, as: Unicode.UTF8.self)
            guard text.begins(with: "charset="), text.utf8.count > 8 else { return nil }
            return String(text.dropFirst(bytes: 8))
        }
    }

    private static let ignored = Array(" \t\"'".utf8)

    /// How the names of charsets begin whose octets below 128 are ASCII's.
    ///
    /// IANA's Character Sets, and the labels of WHATWG's Encoding Standard section 4.2; `binary` is none.
    private static let likeASCII = [
        "utf-8", "utf8", "unicode-1-1-utf-8", "us-ascii", "ascii", "ansi-x3.4", "iso-8859", "iso8859",
        "latin", "windows-", "cp125", "x-cp125", "koi8", "x-mac", "macintosh", "gb", "x-gbk", "big5",
        "euc-", "x-euc", "shift-jis", "sjis", "x-sjis", "ks-c-5601", "ksc-5601", "tis-620", "dos-874",
        "ibm866", "cp866", "binary",
    ]

    private static let searched = [
        "utf-16", "utf16", "ucs-2", "iso-10646-ucs-2", "unicodefffe", "iso-2022", "hz-gb",
    ]
}
