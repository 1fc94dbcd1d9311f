internal import Glibc
internal import Model

/// Gets a secret from its source, checked so that it can be nothing but one field's value.
struct SecretFetch: Sendable {
    /// The variables that credentials name, as they were when Bailey started.
    let environment: [String: String]
    /// The home directory for commands.
    let home: String?

    let sender: TokenSender
    /// Is given what is asked for on the way to the secret.
    let onFetch: @Sendable (String) -> Void

    func fetch(_ definition: CredentialDefinition) throws(CredentialFailure) -> FetchedSecret {
        guard case .token(let request) = definition.source else {
            return FetchedSecret(secret: try secret(definition), lifetime: nil)
        }
        guard let transport = sender.attached else {
            throw CredentialFailure("credential \(definition.name): there is nobody yet to ask for its token")
        }
        let fetch = TokenFetch(request: request, credential: definition.name, transport: transport) {
            (source) throws(CredentialFailure) in
            var part = definition
            part.source = source
            part.position = .header("")
            let text = try self.secret(part).withText { $0 }
            onFetch(text)
            return text
        }
        let (token, lifetime) = try fetch.fetch()
        return FetchedSecret(secret: Secret(Array(token.utf8)), lifetime: lifetime)
    }

    private func secret(_ definition: CredentialDefinition) throws(CredentialFailure) -> Secret {
        var octets = try octets(of: definition)
        defer { octets.wipe() }
        guard !octets.isEmpty else {
            throw CredentialFailure("credential \(definition.name): the secret is empty")
        }
        guard octets.count <= definition.maximumSecret else {
            throw CredentialFailure(
                "credential \(definition.name): the secret is longer than \(definition.maximumSecret) octets"
            )
        }
        if !definition.position.isDocument { try Self.check(octets, definition.name) }
        return Secret(octets)
    }

    private func octets(of definition: CredentialDefinition) throws(CredentialFailure) -> [UInt8] {
        let (name, limit) = (definition.name, definition.maximumSecret)
        switch definition.source {
        case .environment(let variable):
            guard let value = environment[variable] else {
                throw CredentialFailure(
                    "credential \(name): the variable \(variable) was not set when Bailey started; set it and "
                        + "start Bailey again"
                )
            }
            return Array(value.utf8)
        case .file(let path):
            return try SecretFile(path: path, credential: name).read(atMost: limit)
        case .command(let arguments):
            return try SecretCommand(arguments: arguments, credential: name, home: home, maximum: limit).run()
        case .token:
            throw CredentialFailure("credential \(name): a token cannot be what a token is asked for with")
        case .role(let maker):
            throw CredentialFailure("credential \(name): a role has no secret but that of \(maker)")
        case .agentToken, .agentCertificate:
            throw CredentialFailure("credential \(name): what is minted for each agent is nobody else's")
        }
    }

    /// A control character could end the field and begin another (RFC 9110 section 5.5).
    private static func check(_ octets: [UInt8], _ name: String) throws(CredentialFailure) {
        guard octets.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw CredentialFailure(
                "credential \(name): the secret has a line break or another control character in it; its "
                    + "source must give the bare value on one line"
            )
        }
        guard octets.first != 0x20, octets.last != 0x20 else {
            throw CredentialFailure("credential \(name): the secret begins or ends with a space")
        }
    }
}

/// A secret, and the milliseconds that it may be kept by its source's word; nil where that does not say.
struct FetchedSecret: ~Copyable {
    let secret: Secret
    let lifetime: Int64?

    consuming func intoSecret() -> Secret { secret }
}

extension [UInt8] {
    /// Without the one line end that an editor or `echo` leaves.
    mutating func dropLineEnd() {
        if last == 0x0a { removeLast() }
    }
}
