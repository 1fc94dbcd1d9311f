internal import Foundation
internal import Model
internal import Synchronization

/// One credential with its look-alike and what is kept of its secret.
final class Credential: Sendable {
    let definition: CredentialDefinition
    let placeholders: [Placeholder]
    private let fetch: SecretFetch
    private let onFetch: @Sendable (String) -> Void
    private let kept = Mutex(Kept.nothing)
    /// What was fetched last, good or not; never held while a source is asked.
    private let last = Mutex<KeptSecret?>(nil)
    /// How often what is kept was to be forgotten: what was fetched before that is not used.
    private let forgotten = Atomic(0)

    private enum Kept {
        case nothing
        case secret(KeptSecret, until: Int64, since: Int)
        case failure(CredentialFailure, until: Int64)
    }

    init(
        _ definition: CredentialDefinition,
        _ fetch: SecretFetch,
        _ onFetch: @escaping @Sendable (String) -> Void
    ) {
        self.definition = definition
        self.fetch = fetch
        self.onFetch = onFetch
        placeholders = Self.placeholders(definition, fetch)
    }

    /// Holds the lock while the source is asked: whoever comes meanwhile wants the same answer.
    func value() throws(CredentialFailure) -> String {
        let result = kept.withLock { kept -> Result<String, CredentialFailure> in
            let now = MonotonicClock.milliseconds()
            switch kept {
            case .secret(let secret, let until, let since) where now < until && isRemembered(since):
                return value(of: secret.secret)
            case .failure(let failure, let until) where now < until: return .failure(failure)
            case .secret, .failure, .nothing: return refresh(&kept, now)
            }
        }
        return try result.get()
    }

    /// The same while what was fetched last is good; nil when it is not, or is being fetched.
    func keptValue() -> String? {
        let found = kept.withLockIfAvailable { kept -> String? in
            guard case .secret(let secret, let until, let since) = kept, isRemembered(since),
                MonotonicClock.milliseconds() < until
            else { return nil }
            return try? value(of: secret.secret).get()
        }
        return found ?? nil
    }

    /// What was fetched last, as fields carry it, also where its time is over, another is being fetched, or could not be: what of
    /// it is a secret by itself.
    func lastSecrets() -> [String] {
        guard let secret = last.withLock({ $0 }) else { return [] }
        return secret.secret.withText { fields(of: $0) }
    }

    /// Behind a scheme's word all of a text is the secret, whatever is in it.
    private func fields(of text: String) -> [String] {
        switch definition.position {
        case .header: [text]
        case .bearer, .query, .cookie, .password: ["Bearer \(text)"]
        case .basic: ["Basic " + Data(text.utf8).base64EncodedString()]
        // The id of a key is none.
        case .awsSignature: parts(of: text).dropFirst().map { "Bearer \($0)" }
        case .clientCertificate, .loginCertificate, .sessionRole: []
        }
    }

    /// Drops what is kept; whoever wants it next asks the source anew.
    ///
    /// Waits for nobody: what is being fetched meanwhile is given to those who asked for it, and not kept.
    func forget() {
        forgotten.add(1, ordering: .relaxed)
        kept.withLockIfAvailable { $0 = .nothing }
    }

    private func isRemembered(_ since: Int) -> Bool { forgotten.load(ordering: .relaxed) == since }

    private func refresh(_ kept: inout sending Kept, _ now: Int64) -> Result<String, CredentialFailure> {
        kept = .nothing
        let since = forgotten.load(ordering: .relaxed)
        do {
            let fetched = try fetch.fetch(definition)
            let lifetime =
                if let named = fetched.lifetime { named } else { try lifetime(of: fetched.secret) }
            let secret = KeptSecret(fetched.intoSecret())
            secret.secret.withText { parts(of: $0).forEach(onFetch) }
            let result = value(of: secret.secret)
            last.withLock { $0 = secret }
            kept = .secret(secret, until: now + lifetime, since: since)
            return result
        } catch {
            kept = .failure(error, until: now + CredentialLimits.failureLifetime)
            return .failure(error)
        }
    }

    private func value(of secret: borrowing Secret) -> Result<String, CredentialFailure> {
        secret.withText { text in
            if placeholders.contains(where: { place in parts(of: text).contains { $0.isSame(as: place.value) }
            }) {
                return .failure(failure("its source gives the look-alike that agents hold"))
            }
            switch definition.position {
            case .header: return .success(text)
            case .bearer:
                // RFC 6750 section 2.1: a token has no space in it.
                guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                    return .failure(failure("a bearer token has no spaces and is plain ASCII"))
                }
                return .success("Bearer \(text)")
            case .basic:
                guard text.holds(":") else {
                    return .failure(failure("a basic credential must be USER:PASSWORD"))
                }
                return .success("Basic " + Data(text.utf8).base64EncodedString())
            case .query:
                guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                    return .failure(
                        failure("the value of a query parameter has no spaces and is plain ASCII")
                    )
                }
                return .success(text)
            case .cookie:
                guard text.utf8.allSatisfy(Self.isCookieOctet) else {
                    return .failure(
                        failure("a cookie's value has no space, quote, comma, semicolon or backslash in it")
                    )
                }
                return .success(text)
            case .password:
                // It may be hashed: another spelling of the same octets is another password.
                guard text.utf8.count == secret.count, !text.unicodeScalars.contains("\u{FFFD}") else {
                    return .failure(failure("a database's password is UTF-8"))
                }
                return .success(text)
            case .sessionRole: return .failure(failure("a role has no secret"))
            case .clientCertificate, .loginCertificate:
                guard text.firstPlace(ofText: "-----BEGIN CERTIFICATE-----") != nil,
                    text.firstPlace(ofText: "PRIVATE KEY-----") != nil
                else {
                    return .failure(failure("it must hold a certificate and its private key, both in PEM"))
                }
                return .success(text)
            case .awsSignature:
                guard let key = AWSKeyText(text) else {
                    return .failure(
                        failure("it must be ID:SECRET, ID:SECRET:TOKEN, or what a credential_process prints")
                    )
                }
                return .success(key.text)
            }
        }
    }

    /// What of the source's text is secret by itself.
    private func parts(of text: String) -> [String] {
        switch definition.position {
        case .bearer, .basic, .header, .query, .cookie, .password: [text]
        // No request and no reply holds it.
        case .clientCertificate, .loginCertificate, .sessionRole: []
        case .awsSignature: AWSKeyText(text).map { $0.text.cut(at: ":").map(String.init) } ?? [text]
        }
    }

    /// Milliseconds that a secret may be kept by its own word.
    private func lifetime(of secret: borrowing Secret) throws(CredentialFailure) -> Int64 {
        guard definition.position.place == .awsSignature,
            let end = secret.withText({ AWSKeyText($0)?.end })
        else { return definition.lifetime }
        let left = end - Int64(Date().timeIntervalSince1970 * 1_000) - CredentialLimits.expiryMargin
        guard left > 0 else { throw failure("its source gives a key that has expired, or is about to") }
        return min(left, definition.lifetime)
    }

    /// RFC 6265 section 4.1.1.
    private static func isCookieOctet(_ byte: UInt8) -> Bool {
        (0x21...0x7e).contains(byte) && !"\",;\\".utf8.contains(byte)
    }

    private func failure(_ reason: String) -> CredentialFailure {
        CredentialFailure("credential \(definition.name): \(reason)")
    }

    /// Takes the secret's shape where looking costs nothing; a command is not run for that.
    private static func placeholders(
        _ definition: CredentialDefinition,
        _ fetch: SecretFetch
    ) -> [Placeholder] {
        guard let variable = definition.variable else { return [] }
        if let secretVariable = definition.secretVariable {
            return [(variable, PlaceholderShape.awsKey), (secretVariable, .awsSecret)].map {
                Placeholder(credential: definition.name, variable: $0, value: $1.make())
            }
        }
        let secret: String? =
            switch definition.source {
            case .environment, .file: try? fetch.fetch(definition).intoSecret().withText { $0 }
            case .command, .token, .role, .agentToken, .agentCertificate: nil
            }
        let shape = PlaceholderShape.matching(secret: secret, variable: variable)
        var value = shape.make()
        while value == secret { value = shape.make() }
        return [Placeholder(credential: definition.name, variable: variable, value: value)]
    }
}

/// A secret where a copyable value is needed.
private final class KeptSecret: Sendable {
    let secret: Secret

    init(_ secret: consuming Secret) { self.secret = secret }
}
