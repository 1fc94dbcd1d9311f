internal import Model

/// What a document's media type says about masking it.
package enum MaskableType: Sendable, Equatable {
    /// Text whose reader undoes these escapes.
    case text(EscapeSyntax)
    /// Nothing that could be masked: pictures, archives, unknown types. The type's name, without parameters.
    case opaque(String)
    /// Text in a charset in which ASCII is not itself, or may not be.
    case charset(String)

    /// Nil, which no `Content-Type` says, is text: browsers and tools look into it.
    package init(contentType: String?) {
        let contentType = contentType ?? "text/plain"
        if let charset = TextCharset.foreign(in: contentType) {
            self = .charset(charset)
            return
        }
        let name = contentType.lowercasedASCII.cut(at: ";").first.map(Self.trimmed) ?? ""
        switch name {
        case "application/x-www-form-urlencoded": self = .text(.form)
        case "text/html", "text/xml", "application/xml", "application/xhtml+xml":
            self = .text([.reference, .backslash])
        case _ where name.ends(with: "+xml"): self = .text([.reference, .backslash])
        case _ where Self.isText(name): self = .text(.backslash)
        default: self = .opaque(name.isEmpty ? "of no type" : name)
        }
    }

    private static func isText(_ name: String) -> Bool {
        name.begins(with: "text/") || name.begins(with: "multipart/") || name.begins(with: "message/")
            || name.ends(with: "+json") || name.ends(with: "+yaml") || texts.contains(name)
    }

    private static let texts: Set<String> = [
        "application/json", "application/x-ndjson", "application/ndjson", "application/jsonl",
        "application/json-lines",
        "application/json-seq", "application/javascript", "application/x-javascript",
        "application/ecmascript",
        "application/graphql", "application/yaml", "application/x-yaml", "application/toml",
        "application/sql",
        "application/x-sh", "application/x-pem-file", "application/pem-certificate-chain", "application/jwt",
        "application/jose", "application/rtf", "application/csv",
    ]

    private static func trimmed(_ text: Substring) -> String {
        let octets = text.utf8.filter { $0 != 0x20 && $0 != 0x09 }
        return String(decoding: octets, as: Unicode.UTF8.self)
    }
}
