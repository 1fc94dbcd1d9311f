import Foundation
package import TestSupport

/// A real identity provider of SAML (the server of pysaml2, which signs with xmlsec1, both as Debian has them), and documents
/// that attackers make of what it signs.
package final class AssertionProvider: Sendable {
    /// Whether this machine has it.
    package static let isThere =
        FileManager.default.isExecutableFile(atPath: "/usr/bin/xmlsec1")
        && FileManager.default.fileExists(atPath: "/usr/lib/python3/dist-packages/saml2/__init__.py")
    /// What it calls itself in what it signs.
    package static let entity = "https://idp.example.org/metadata"
    /// Where it sends browsers.
    package static let recipient = "https://sp.example.org/acs"

    /// Its keys and certificates: `idp.pem`, and once they were used `other.pem` and `ec.pem`.
    package let folder: String

    package init() throws {
        folder = NSTemporaryDirectory() + "bailey-saml-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let program = Self.provider + "\n" + Self.attacks + "\n" + Self.main
        try program.write(toFile: folder + "/provider.py", atomically: true, encoding: .utf8)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    package func certificate(_ name: String = "idp") -> String { "\(folder)/\(name).pem" }

    /// A response with an assertion about somebody; `arguments` are those of `response` below, in JSON, without braces.
    package func response(
        _ arguments: String = "",
        key: String = "idp",
        minutes: Double = 60
    ) throws -> String {
        try run(["{\(arguments)}", key, "\(minutes)"])
    }

    /// A document, and what somebody finds who looks at its first signature alone.
    package struct Attack: Decodable, Sendable {
        package let name: String
        package let text: String
        /// xmlsec1 says that the signature is good.
        package let passes: Bool
    }

    /// Documents, good ones among them, whose names begin with `good`.
    package func attacks() throws -> [Attack] {
        try JSONDecoder().decode([Attack].self, from: Data(run(["attacks"]).utf8))
    }

    private func run(_ words: [String]) throws -> String {
        let outcome = try Command.run(
            ["/usr/bin/python3", folder + "/provider.py", folder] + words,
            environment: ["PATH": "/usr/bin:/bin"],
            directory: folder
        )
        guard outcome.code == 0 else { throw Failure(outcome: outcome) }
        return outcome.output.trimmingCharacters(in: .newlines)
    }

    /// It gave nothing.
    package struct Failure: Error {
        package let outcome: Outcome
    }
}
