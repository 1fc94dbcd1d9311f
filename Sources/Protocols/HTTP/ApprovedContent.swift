internal import Model
internal import NIOCore
internal import NIOHTTP1
internal import Signing

extension CheckedRequest {
    /// Takes down what an approval is bound to besides the request's line: all of the body, and what fields say.
    ///
    /// - Parameter gathered: the whole body; nil where there is none.
    mutating func learnContent(_ gathered: Gathered?) {
        let pieces = gathered?.pieces ?? []
        var octets: [UInt8] = []
        for piece in pieces where octets.count <= RequestContent.maximumKept {
            octets += piece.readableBytesView
        }
        // All of it is here: what a signature needs can be made as well.
        request.body.isDigested = true
        request.body.content = RequestContent(
            octets: UInt64(clamping: gathered?.octets ?? 0),
            digest: AWSSigner.digest(pieces.map(\.readableBytesView)),
            context: Self.digest(of: head.headers, gathered?.trailers),
            type: head.headers.first(name: "content-type").map {
                String(decoding: $0.utf8.prefix(128), as: Unicode.UTF8.self)
            },
            preview: RequestContent.preview(octets)
        )
    }

    /// Fields that say nothing about what is asked for, or are made anew for each try: a retry that differs in them alone is
    /// the same request.
    private static let apart: Set<String> = [
        "accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "connection",
        "content-length", "date", "host", "idempotency-key", "pragma", "priority",
        "sec-websocket-key", "te", "traceparent", "tracestate", "transfer-encoding", "user-agent",
        "x-request-id",
    ]

    /// SHA-256 of the fields that are forwarded, in their order, each with its length in front.
    private static func digest(of fields: HTTPHeaders, _ trailers: HTTPHeaders?) -> String {
        var octets: [UInt8] = []
        func write(_ text: String) { octets += Array("\(text.utf8.count):".utf8) + Array(text.utf8) }
        for (name, value) in fields {
            let name = Octets.lowercased(name)
            guard !apart.contains(name) else { continue }
            write(name)
            write(value)
        }
        octets.append(UInt8(ascii: "\n"))
        for (name, value) in trailers ?? [:] {
            write(Octets.lowercased(name))
            write(value)
        }
        return AWSSigner.digest([octets])
    }
}
