import Model
import NIOCore
import NIOHTTP1

/// Our own answers, in HTTP, with a JSON body that says who was refused what, by which rule, and how to ask.
enum Replies {
    /// The status that a denial is answered with.
    static func status(for reason: Denial.Reason) -> HTTPResponseStatus {
        switch reason {
        case .noRule, .denied, .approvalNeeded, .approvalDenied, .approvalUnanswered,
            .forbiddenAddress, .protocolMismatch, .placeholderMisused,
            .secretLeaving,
            .revoked, .principalExpired:
            .forbidden
        case .nameMismatch: .misdirectedRequest
        case .malformed: .badRequest
        case .credentialUnavailable, .auditUnavailable: .serviceUnavailable
        case .upstreamFailed, .notRecorded: .badGateway
        case .overBudget: .tooManyRequests
        case .unsupported: .notImplemented
        }
    }

    /// A whole answer.
    ///
    /// `withBody` is false for HEAD, which gets the same fields.
    static func refusal(
        _ status: HTTPResponseStatus,
        _ denial: Denial,
        lineage: Lineage,
        withBody: Bool,
        closing: Bool
    ) -> [HTTPMessage] {
        let body = ByteBuffer(string: text(denial, lineage: lineage) + "\n")
        var headers: HTTPHeaders = [
            "content-type": "application/json",
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "content-length": String(body.readableBytes),
        ]
        if closing { headers.add(name: "connection", value: "close") }
        let head = HTTPMessage.responseHead(
            HTTPResponseHead(version: .http1_1, status: phrased(status, denial), headers: headers)
        )
        return withBody ? [head, .body(body), .end(nil)] : [head, .end(nil)]
    }

    /// The status with why behind its name, in printable ASCII: many clients (wget, pip, apt, Perl, PHP, Ruby) show their
    /// user a refusal's first line and no more of it.
    private static func phrased(_ status: HTTPResponseStatus, _ denial: Denial) -> HTTPResponseStatus {
        let octets = (denial.told ?? denial.message).utf8.prefix(HTTPLimits.reasonPhrase)
        let why = octets.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
        return .custom(
            code: status.code,
            reasonPhrase: status.reasonPhrase + ": " + String(decoding: why, as: Unicode.UTF8.self)
        )
    }

    /// The JSON body; `error` is a stable word, `denied` for everything that policy refused.
    static func text(_ denial: Denial, lineage: Lineage) -> String {
        let names = [lineage.principal.subject] + lineage.hops.map(\.name)
        return JSONText.text(
            .object([
                .init("error", .string(word(denial.reason))),
                .init("agent", .string(lineage.agent.agent.text)),
                .init("lineage", .array(names.map { .string($0) })),
                .init("rule", denial.rule.map { .string($0.description) } ?? .null),
                .init("decided_by", denial.decidedBy.map { .string($0.name) } ?? .null),
                .init("reason", .string(denial.reason.rawValue)),
                .init("message", .string(denial.told ?? denial.message)),
                .init("how_to_ask", .string(denial.remedy)),
            ])
        )
    }

    private static func word(_ reason: Denial.Reason) -> String {
        switch status(for: reason) {
        case .forbidden: "denied"
        case .badRequest, .misdirectedRequest: "bad-request"
        case .notImplemented: "unsupported"
        default: "unavailable"
        }
    }
}
