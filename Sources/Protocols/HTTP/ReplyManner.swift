import Model
import NIOHTTP1

/// How a client is told of a refusal.
enum ReplyManner: Hashable {
    /// HTTP with a JSON body; to HEAD without.
    case json(withBody: Bool)
    /// gRPC's own: a status in the fields, nothing else ("Trailers-Only" of gRPC over HTTP/2).
    case grpc

    init(to head: HTTPRequestHead, isStream: Bool) {
        let isCall = isStream && head.headers["content-type"].contains { $0.begins(with: "application/grpc") }
        self = isCall ? .grpc : .json(withBody: head.method != .HEAD)
    }
}

extension Replies {
    /// The status of a gRPC call (the codes of gRPC's statuscodes.md) that a denial is answered with.
    private static func code(of reason: Denial.Reason) -> Int {
        switch reason {
        case .noRule, .denied, .approvalNeeded, .forbiddenAddress, .nameMismatch, .protocolMismatch,
            .placeholderMisused, .secretLeaving, .revoked:
            7
        case .malformed: 3
        case .overBudget: 8
        case .unsupported: 12
        case .credentialUnavailable, .auditUnavailable, .upstreamFailed: 14
        }
    }

    /// A whole answer to a gRPC call.
    static func call(_ denial: Denial) -> [HTTPMessage] {
        let text = (denial.told ?? denial.message) + "; " + denial.remedy
        let headers: HTTPHeaders = [
            "content-type": "application/grpc",
            "grpc-status": String(code(of: denial.reason)),
            "grpc-message": percentEncoded(text),
        ]
        return [.responseHead(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)), .end(nil)]
    }

    /// As gRPC over HTTP/2 says ("Responses", `Percent-Encoded`): printable ASCII but `%` stands for itself.
    private static func percentEncoded(_ text: String) -> String {
        let octets = text.utf8.flatMap { octet in
            (0x20...0x7E).contains(octet) && octet != UInt8(ascii: "%")
                ? [octet] : Octets.percentEncoded(octet)
        }
        return String(decoding: octets, as: Unicode.UTF8.self)
    }
}
