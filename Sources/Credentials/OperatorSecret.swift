package import Model
package import Profiles

/// A secret of the operator's own, for no agent's request, by one of the sources on this machine that credentials have: `env`,
/// `file`, `command`.
package struct OperatorSecret: Sendable {
    /// How messages name it.
    private let name: String
    private let source: CredentialDefinition.Source

    /// As `bailey.yaml` has it; nil, with an error, for what is none.
    package init?(_ node: YAMLNode, _ name: String, home: String?, _ errors: inout Diagnostics) {
        guard let source = CredentialFile.source(node, name, home, &errors) else { return nil }
        (self.name, self.source) = (name, source)
    }

    /// The file that holds it; nil for another source.
    package var file: String? { if case .file(let path) = source { path } else { nil } }

    /// The program that prints it; nil for another source.
    package var program: String? { if case .command(let words) = source { words.first } else { nil } }

    /// The variable that holds it, which no agent may inherit; nil for another source.
    package var variable: String? { if case .environment(let name) = source { name } else { nil } }

    /// Its octets, without a line end; blocks for as long as a command may take.
    ///
    /// - Parameters:
    ///   - environment: the supervisor's.
    ///   - lengths: octets that it may have.
    /// - Returns: the octets.
    /// - Throws: where it cannot be had, or others may read it.
    package func octets(
        environment: [String: String],
        of lengths: ClosedRange<Int>
    ) throws(CredentialFailure) -> [UInt8] {
        let definition = CredentialDefinition(
            name: name,
            source: source,
            position: .bearer,
            hosts: [],
            variable: nil,
            lifetime: 0
        )
        let fetch = SecretFetch(
            environment: environment,
            home: environment["HOME"],
            sender: TokenSender(),
            onFetch: { _ in }
        )
        let octets = try fetch.fetch(definition).intoSecret().withOctets { $0 }
        guard lengths.contains(octets.count) else {
            throw CredentialFailure(
                "credential \(name): it has \(octets.count) octets, and takes \(lengths.lowerBound) to \(lengths.upperBound)"
            )
        }
        return octets
    }
}
