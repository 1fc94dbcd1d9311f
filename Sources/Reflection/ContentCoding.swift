internal import CCodings
internal import Model

/// A content coding that can be undone (RFC 9110 section 8.4.1, RFC 7932, RFC 8878).
package enum ContentCoding: Sendable, Hashable {
    case gzip
    case deflate
    case brotli
    case zstd

    /// By the token of a field, in lower case; nil for one that cannot be undone.
    init?(_ token: some StringProtocol) {
        switch String(token) {
        case "gzip", "x-gzip": self = .gzip
        case "deflate": self = .deflate
        case "br": self = .brotli
        case "zstd": self = .zstd
        default: return nil
        }
    }

    var kind: ccd_coding {
        switch self {
        case .gzip: CCD_GZIP
        case .deflate: CCD_DEFLATE
        case .brotli: CCD_BROTLI
        case .zstd: CCD_ZSTD
        }
    }

    /// The codings that `Content-Encoding` fields name, in the order in which they were applied.
    package static func applied(_ fields: [String]) throws(DecodingFault) -> [ContentCoding] {
        var codings: [ContentCoding] = []
        for token in fields.flatMap(tokens) where !token.isEmpty && token != "identity" {
            guard let coding = ContentCoding(token) else { throw .unknownCoding }
            codings.append(coding)
        }
        guard codings.count <= ReflectionLimits.layers else { throw .tooManyLayers }
        return codings
    }

    /// `Accept-Encoding` fields without what cannot be undone; nil when there were none.
    package static func offered(_ fields: [String]) -> String? {
        guard !fields.isEmpty else { return nil }
        let kept = fields.flatMap(tokens).filter { token in
            let name = trimmed(token.cut(at: ";").first ?? "")
            return name == "identity" || ContentCoding(name) != nil
        }
        return kept.isEmpty ? "identity" : kept.joined(separator: ", ")
    }

    private static func tokens(_ field: String) -> [String] {
        field.lowercasedASCII.cut(at: ",").map(trimmed)
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let octets = Array(text.utf8.drop { $0 == 0x20 || $0 == 0x09 })
        let end = octets.lastIndex { $0 != 0x20 && $0 != 0x09 }
        return end.map { String(decoding: octets[...$0], as: Unicode.UTF8.self) } ?? ""
    }
}

/// Why a reply cannot be searched.
package enum DecodingFault: Error, Sendable, Hashable, CustomStringConvertible {
    case unknownCoding
    case tooManyLayers
    case malformed
    case incomplete
    case tooLarge
    case messageTooLarge
    case noMemory

    package var description: String {
        switch self {
        case .unknownCoding: "has a content coding other than gzip, deflate, br and zstd"
        case .tooManyLayers: "has more than \(ReflectionLimits.layers) content codings"
        case .malformed: "is not coded as its Content-Encoding says"
        case .incomplete: "ends in the midst of its content coding"
        case .tooLarge:
            "is more than \(ReflectionLimits.ratio) times its coded size, and over "
                + "\(ReflectionLimits.unmeasured) octets"
        case .messageTooLarge:
            "has a compressed message of more than \(ReflectionLimits.message) octets"
        case .noMemory: "cannot be decoded for want of memory"
        }
    }
}
