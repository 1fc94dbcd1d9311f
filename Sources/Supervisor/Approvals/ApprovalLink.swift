internal import Crypto
internal import Foundation
package import Model

/// A link that answers one question in one way, as one principal, until a moment.
///
/// `/a/QUESTION/approve|deny/EXPIRES/WEBHOOK/DIGEST/HEX`: EXPIRES in milliseconds since 1970, WEBHOOK the number of the one that it
/// was sent to, DIGEST the SHA-256 of the canonical request, and HEX the HMAC-SHA256 (RFC 2104) of what stands before it, under a key
/// that a supervisor makes for its own life: its questions end with it as well.
package struct ApprovalLink: Sendable, Hashable {
    let question: String
    let approves: Bool
    let expires: Timestamp
    let webhook: Int
    let digest: String

    static let root = "/a/"
    /// Octets of a path that is looked at: its numbers of twenty digits, its two digests, and room.
    private static let longest = 320

    /// Why one is none.
    package enum Flaw: Error {
        case malformed, forged, expired
    }

    fileprivate var text: String {
        "\(Self.root)\(question)/\(approves ? "approve" : "deny")/\(expires.milliseconds)/\(webhook)/\(digest)/"
    }

    fileprivate init?(text: String) {
        let parts = text.cut(at: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 8, let expires = Int64(parts[4]), let webhook = Int(parts[5]) else { return nil }
        question = parts[2]
        approves = parts[3].isSame(as: "approve")
        self.expires = Timestamp(milliseconds: expires)
        (self.webhook, digest) = (webhook, parts[6])
        // One way to write each.
        guard self.text.isSame(as: text) else { return nil }
    }

    package init(question: String, approves: Bool, expires: Timestamp, webhook: Int, digest: String) {
        (self.question, self.approves, self.expires) = (question, approves, expires)
        (self.webhook, self.digest) = (webhook, digest)
    }

    /// Signs links, and knows its own.
    package struct Signer: Sendable {
        /// So that no other use of a key makes one.
        private static let domain = "bailey-approval-link-v1\n"
        private let key: SymmetricKey

        /// With a key of its own.
        package init() { key = SymmetricKey(size: .bits256) }

        /// With this one.
        package init(key: [UInt8]) { self.key = SymmetricKey(data: key) }

        /// The link's path.
        package func path(_ link: ApprovalLink) -> String {
            let code = HMAC<SHA256>.authenticationCode(for: Data((Self.domain + link.text).utf8), using: key)
            return link.text + code.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }

        /// Takes a path for what it says only when this signed it, and its time is not over.
        package func link(_ path: String, at now: Timestamp) throws(Flaw) -> ApprovalLink {
            guard path.utf8.count <= ApprovalLink.longest, let slash = path.lastPlace(of: "/"),
                let code = Self.octets(path.rest(behind: slash))
            else { throw .malformed }
            let text = String(path[...slash])
            // In a time that does not depend on where they differ.
            guard
                HMAC<SHA256>.isValidAuthenticationCode(
                    code,
                    authenticating: Data((Self.domain + text).utf8),
                    using: key
                )
            else { throw .forged }
            guard let link = ApprovalLink(text: text) else { throw .malformed }
            guard now < link.expires else { throw .expired }
            return link
        }

        /// Of lower-case hex, 32 octets.
        private static func octets(_ text: Substring) -> [UInt8]? {
            let digits = Array(text.utf8)
            guard digits.count == 2 * SHA256.byteCount,
                digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
            else { return nil }
            return stride(from: 0, to: digits.count, by: 2).compactMap {
                UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
            }
        }
    }
}

/// Makes the two links of a message.
struct ApprovalLinks: Sendable {
    let base: WebAddress
    let signer: ApprovalLink.Signer

    /// Where to approve and deny, for whoever a webhook's messages are for.
    func links(
        _ question: String,
        _ digest: String,
        expires: Timestamp,
        webhook: Int
    ) -> ApprovalMessage.Links {
        let paths = [true, false].map { approves in
            signer.path(
                ApprovalLink(
                    question: question,
                    approves: approves,
                    expires: expires,
                    webhook: webhook,
                    digest: digest
                )
            )
        }
        let texts = paths.map { base.appending(path: $0)?.description ?? $0 }
        return ApprovalMessage.Links(approve: texts[0], deny: texts[1])
    }
}
