import GitProtocol
import Model
import NIOCore
import NIOHTTP1

/// How a client is told of a refusal.
enum ReplyManner: Hashable {
    /// HTTP with a JSON body; to HEAD without.
    case json(withBody: Bool)
    /// gRPC's own: a status in the fields, nothing else ("Trailers-Only" of gRPC over HTTP/2).
    case grpc
    /// git shows a plain text that comes with a status, in answer to its first request alone.
    case gitOpening
    /// git shows what its own protocol says, with the status 200.
    case gitFetch
    /// The same; nil before the list of commands was read.
    case gitPush(PushList?)

    init(to head: HTTPRequestHead, isStream: Bool, _ kind: RequestKind = .plain) {
        let isCall = isStream && head.headers["content-type"].contains { $0.begins(with: "application/grpc") }
        self = isCall ? .grpc : .json(withBody: head.method != .HEAD)
        switch kind {
        case .plain, .call: break
        case .gitFetch: self = head.method == .GET ? .gitOpening : .gitFetch
        case .gitPush: self = head.method == .GET ? .gitOpening : .gitPush(nil)
        }
    }

    /// Octets of a refused request's body that are taken: git reads no answer before it has sent all of it.
    var drained: Int {
        switch self {
        case .json, .grpc, .gitOpening, .gitFetch: HTTPLimits.drained
        case .gitPush: HTTPLimits.drainedPush
        }
    }
}

extension Replies {
    /// A whole answer to git.
    static func git(
        _ status: HTTPResponseStatus,
        _ denial: Denial,
        _ manner: ReplyManner,
        closing: Bool
    ) -> [HTTPMessage] {
        let text = (denial.told ?? denial.message) + "; " + denial.remedy
        let (body, type) =
            switch manner {
            case .gitFetch: (GitReply.fetch(text), "application/x-git-upload-pack-result")
            case .gitPush(nil): (GitReply.push(text), "application/x-git-receive-pack-result")
            case .gitPush(let list?):
                (
                    GitReply.report(list, text, reason: reason(denial)),
                    "application/x-git-receive-pack-result"
                )
            case .gitOpening, .json, .grpc: (Array((text + "\n").utf8), "text/plain")
            }
        var headers: HTTPHeaders = [
            "content-type": type,
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "content-length": String(body.count),
        ]
        if closing { headers.add(name: "connection", value: "close") }
        let head = HTTPResponseHead(
            version: .http1_1,
            status: type == "text/plain" ? status : .ok,
            headers: headers
        )
        return [.responseHead(head), .body(ByteBuffer(bytes: body)), .end(nil)]
    }

    /// What stands behind each ref.
    private static func reason(_ denial: Denial) -> String {
        denial.rule.map { "\(denial.reason.rawValue): \($0)" } ?? denial.reason.rawValue
    }
}

extension Replies {
    /// The status of a gRPC call (the codes of gRPC's statuscodes.md) that a denial is answered with.
    private static func code(of reason: Denial.Reason) -> Int {
        switch reason {
        case .noRule, .denied, .approvalNeeded, .approvalDenied, .approvalUnanswered, .forbiddenAddress,
            .nameMismatch, .protocolMismatch,
            .placeholderMisused, .secretLeaving, .revoked, .principalExpired:
            7
        case .malformed: 3
        case .overBudget: 8
        case .unsupported: 12
        case .credentialUnavailable, .auditUnavailable, .upstreamFailed, .notRecorded: 14
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
