internal import Client
internal import Foundation
internal import Gateway
package import Model
internal import Profiles

/// What a request to the API says about its answer.
struct APIOrder: Sendable {
    /// Why it says nothing.
    struct Flaw: Error {
        let status: Int
        let message: String
    }

    private static let keys = ["for", "reason", "digest"]
    /// Octets of a type that is looked at.
    private static let json = "application/json"
    private static let form = "application/x-www-form-urlencoded"

    let approves: Bool
    var life: ApprovalTerms.Life?
    var reason: String?
    /// Of the request that is meant; nil where the id says enough.
    var digest: String?

    init(approves: Bool, reason: String?) {
        (self.approves, self.reason) = (approves, reason)
    }

    /// A body of JSON, or none.
    init(_ request: LocalRequest, approves: Bool) throws(Flaw) {
        self.init(approves: approves, reason: nil)
        guard !request.body.isEmpty else { return }
        guard Self.isOf(request, Self.json) else {
            throw Flaw(status: 415, message: "the body is \(Self.json), or there is none")
        }
        let decoded = try? JSONDecoder().decode([String: String].self, from: Data(request.body))
        guard let fields = decoded, fields.keys.allSatisfy({ Self.keys.holds(bytes: $0) }) else {
            throw Flaw(
                status: 400,
                message: "the body is an object of texts: \(Self.keys.joined(separator: ", "))"
            )
        }
        if let text = fields["for"] {
            guard approves, let life = ApprovalTerms.Life(said: text) else {
                throw Flaw(
                    status: 400,
                    message: "for, of an approval alone, is once, agent, or a time of at most 24h, as 15m"
                )
            }
            self.life = life
        }
        reason = try Self.checked(fields["reason"])
        digest = fields["digest"]
    }

    /// What a page's form says.
    static func reason(inForm request: LocalRequest) throws(Flaw) -> String? {
        guard !request.body.isEmpty else { return nil }
        guard isOf(request, form) else {
            throw Flaw(status: 415, message: "the body is a form, or there is none")
        }
        let parts = String(decoding: request.body, as: UTF8.self).cut(
            at: "=",
            omittingEmptySubsequences: false
        )
        guard parts.count == 2, parts[0].isSame(as: "reason"), !parts[1].holds("&"),
            let text = decoded(parts[1])
        else { throw Flaw(status: 400, message: "the form has a reason, and nothing else") }
        return try checked(text.isEmpty ? nil : text)
    }

    /// `+` for a space, `%XX` for octets (url.spec.whatwg.org, "application/x-www-form-urlencoded parsing").
    private static func decoded(_ text: Substring) -> String? {
        String(decoding: text.utf8.map { $0 == UInt8(ascii: "+") ? 0x20 : $0 }, as: UTF8.self)
            .removingPercentEncoding
    }

    private static func isOf(_ request: LocalRequest, _ type: String) -> Bool {
        let said = request.mediaType?.cut(at: ";", maxSplits: 1, omittingEmptySubsequences: false).first
        return said.map { String($0).lowercasedASCII.isSame(as: type) } ?? false
    }

    private static func checked(_ reason: String?) throws(Flaw) -> String? {
        guard reason.map({ Revocation.accepts(reason: $0) }) ?? true else {
            throw Flaw(
                status: 400,
                message:
                    "a reason is one line of 1 to \(Revocation.maximumReason) octets without control characters"
            )
        }
        return reason
    }
}

extension ApprovalTerms.Life {
    /// As whoever approves writes it: `once`, `agent`, or a time of at most 24 h; nil for anything else.
    package init?(said text: String) {
        if text.isSame(as: "once") {
            self = .once
        } else if text.isSame(as: "agent") {
            self = .agent
        } else {
            guard let time = try? Quantity.duration(text), time <= ApprovalTerms.maximumTime else {
                return nil
            }
            self = .time(time)
        }
    }
}
