import Model
import NIOHTTP1

/// Requests for pieces, and replies that are one (RFC 9110 section 14).
enum ReplyRange {
    /// What servers take for a request for a piece: httpd reads `Request-Range` where there is no `Range`
    /// (modules/http/byterange_filter.c), Azure's storage `x-ms-range`.
    private static let asking = ["range", "if-range", "request-range", "x-ms-range", "x-range"]

    static func remove(from head: inout HTTPRequestHead) {
        for name in asking where !saysWhereToWrite(name, head) { head.headers.remove(name: name) }
    }

    /// Of what is put there, `x-ms-range` says where it goes ("Put Page"), and gives nothing back.
    private static func saysWhereToWrite(_ name: String, _ head: HTTPRequestHead) -> Bool {
        head.method == .PUT && name.isSame(as: "x-ms-range")
    }

    /// Whether a reply is a piece, or several, whatever asked for it.
    static func isOne(_ head: HTTPResponseHead) -> Bool {
        head.status.code == 206
            || head.headers["content-type"].contains { type in
                // `multipart/x-byteranges` is what it was called before it was registered.
                let type = type.lowercasedASCII
                return ["multipart/byteranges", "multipart/x-byteranges"].contains { type.begins(with: $0) }
            }
    }
}
