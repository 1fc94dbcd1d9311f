internal import Crypto
internal import Foundation
internal import Glibc
internal import Linux
internal import Model
internal import SwiftASN1

/// Has a document verified and read by bailey-saml: C that parses what may be hostile is in a process of its own, which can
/// do nothing but answer, and whose end is a refusal.
struct AssertionReader: Sendable {
    /// Its path; nil where it cannot be known.
    let program: String?

    /// Octets that it may answer: what a document of 128 KiB says, each octet escaped at the worst.
    private static let maximumAnswer = 1 << 20
    /// Milliseconds that it may take; it needs ten.
    private static let timeout: Int64 = 10_000

    /// What an assertion says that was signed with a key of one of these issuers, and `sha256:` and the digest of that one's
    /// certificate.
    func statement(
        in assertion: IdentityAssertion,
        of issuers: [Issuer]
    ) throws(TokenFault) -> (JSONValue, key: String?) {
        guard let program else {
            throw TokenFault.assertion(.form, "bailey-saml, which reads it, cannot be found: \(Self.remedy)")
        }
        let keys = try Self.keys(of: issuers)
        let input = try Self.head(keys) + Self.document(assertion)
        let answer: [UInt8]
        do throws(ProgramOutput.Failure) {
            answer = try ProgramOutput(
                arguments: [program],
                environment: [],
                maximum: Self.maximumAnswer,
                timeout: Self.timeout,
                input: input
            ).run()
        } catch {
            throw TokenFault.assertion(
                .form,
                "\(program), which reads it, gave no answer: \(error.reason)",
                remedy: unsafe access(program, X_OK) == 0
                    ? "try a fresh one; a document that ends its reader is worth a report" : Self.remedy
            )
        }
        guard let value = try? JSONValue(answer) else {
            throw TokenFault.assertion(
                .size,
                "it says more than is read: over \(JSONValue.maximumCount) values"
            )
        }
        guard let statement = value["assertion"] else { throw Self.refusal(value["refused"]) }
        let used = value["key"]?.index.flatMap { keys.indices.contains($0) ? keys[$0] : nil }
        return (statement, used.map { "sha256:" + SHA256.hash(data: $0.certificate).hex })
    }

    /// A certificate, and whose.
    private typealias Key = (entity: String, certificate: [UInt8])

    private static let remedy = "it is installed beside bailey-core: run 'make install' again"

    /// Texts of the program's own.
    private static func refusal(_ value: JSONValue?) -> TokenFault {
        guard let check = value?["check"]?.text.flatMap(TokenFault.Check.init(rawValue:)),
            let reason = value?["reason"]?.text, Principal.isPlain(reason)
        else {
            return TokenFault.assertion(
                .form,
                "bailey-saml, which reads it, gave no answer that is one",
                remedy: remedy
            )
        }
        return TokenFault.assertion(check, reason)
    }

    /// XML, out of base64 where it is in that, as browsers post it (SAML bindings section 3.5.4).
    private static func document(_ assertion: IdentityAssertion) throws(TokenFault) -> [UInt8] {
        var octets = Array(assertion.text.utf8)
        if octets.starts(with: [0xEF, 0xBB, 0xBF]) { octets.removeFirst(3) }
        let blanks: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
        let start = octets.firstIndex { !blanks.contains($0) } ?? octets.endIndex
        if octets[start...].first == UInt8(ascii: "<") {
            octets.removeFirst(start)
        } else {
            guard let data = Data(base64Encoded: Data(octets.filter { !blanks.contains($0) })), !data.isEmpty
            else {
                throw TokenFault.assertion(.form, "it is neither XML nor base64 of that")
            }
            octets = Array(data)
        }
        guard octets.count <= IdentityAssertion.maximumLength else {
            throw TokenFault.assertion(
                .size,
                "it is longer than \(IdentityAssertion.maximumLength >> 10) KiB"
            )
        }
        return octets
    }

    private static func keys(of issuers: [Issuer]) throws(TokenFault) -> [Key] {
        var keys: [Key] = []
        for issuer in issuers { keys += try certificates(of: issuer).map { (issuer.url, $0) } }
        guard keys.count <= UInt8.max else {
            throw TokenFault.assertion(.key, "there are more than \(UInt8.max) certificates")
        }
        return keys
    }

    /// The head of the input, as Sources/SAML/saml.h has it.
    private static func head(_ keys: [Key]) -> [UInt8] {
        keys.reduce(into: Array("SAM1".utf8) + octets(keys.count, width: 1)) { head, key in
            head += octets(key.entity.utf8.count, width: 2) + key.entity.utf8
            head += octets(key.certificate.count, width: 4) + key.certificate
        }
    }

    private static func octets(_ number: Int, width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: number >> (8 * (width - 1 - $0))) }
    }

    /// Read at each use: a certificate that is replaced is taken from then on.
    private static func certificates(of issuer: Issuer) throws(TokenFault) -> [[UInt8]] {
        guard case .certificates(let paths) = issuer.keys else { return [] }
        var found: [[UInt8]] = []
        for path in paths {
            guard let text = ReadFile.bytes(at: path, limit: TokenLimits.document),
                let documents = try? PEMDocument.parseMultiple(
                    pemString: String(decoding: text, as: UTF8.self)
                ),
                !documents.isEmpty, documents.allSatisfy({ $0.discriminator == "CERTIFICATE" })
            else {
                throw TokenFault.assertion(
                    .key,
                    "\(path) cannot be read as certificates in PEM of at most \(TokenLimits.document >> 10) KiB",
                    remedy:
                        "put the identity provider's signing certificate there, from its metadata, or correct "
                        + "issuers.\(issuer.name).saml.certificate"
                )
            }
            found += documents.map(\.derBytes)
        }
        guard found.count <= TokenLimits.certificates,
            found.allSatisfy({ $0.count <= TokenLimits.certificate })
        else {
            throw TokenFault.assertion(
                .key,
                "\(issuer.name) has more than \(TokenLimits.certificates) certificates, or one of more than "
                    + "\(TokenLimits.certificate >> 10) KiB"
            )
        }
        return found
    }
}
