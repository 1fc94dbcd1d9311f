internal import JWTKit
internal import Model

/// The public keys of one issuer, each for the algorithms that it may be used with.
package struct SigningKeys: Sendable {
    /// One key, as it came.
    private struct Key: Sendable {
        let id: String?
        let type: String
        let curve: String?
        let algorithm: String?
        /// Modulus and exponent, or the coordinates.
        let first: String
        let second: String
    }

    private let keys: [Key]

    /// Whether there is any that signatures can be checked with.
    package var isEmpty: Bool { keys.isEmpty }

    /// Reads a JWK Set (RFC 7517 section 5).
    ///
    /// Keys of other kinds, for other uses and with parts that are none are left out, as section 5 demands; symmetric ones
    /// are among those.
    package init(_ octets: [UInt8]) throws(TokenFault) {
        guard octets.count <= TokenLimits.document else {
            throw TokenFault(.key, "the issuer's key set is larger than \(TokenLimits.document >> 10) KiB")
        }
        let document: JSONValue
        do {
            document = try JSONValue(octets)
        } catch {
            throw TokenFault(.key, "the issuer's key set does not read: \(error.reason)")
        }
        guard let items = document["keys"]?.items else {
            throw TokenFault(.key, "the issuer's key set has no list of keys")
        }
        guard items.count <= TokenLimits.keys else {
            throw TokenFault(.key, "the issuer has more than \(TokenLimits.keys) keys")
        }
        keys = items.compactMap(Self.key)
    }

    private static func key(_ value: JSONValue) -> Key? {
        guard let type = value["kty"]?.text, value["use"].map({ $0.text == "sig" }) ?? true,
            value["key_ops"].map({ $0.items?.contains(.string("verify")) == true }) ?? true,
            value["kid"].map({ $0.text != nil }) ?? true, value["alg"].map({ $0.text != nil }) ?? true
        else { return nil }
        let names: (String, String)
        switch type {
        case "RSA": names = ("n", "e")
        case "EC": names = ("x", "y")
        case "OKP": names = ("x", "crv")
        default: return nil
        }
        guard let first = value[names.0]?.text, let second = value[names.1]?.text,
            let octets = Base64URL.decoded(first.utf8), octets.count * 8 <= TokenLimits.rsaBits,
            type == "OKP" || Base64URL.decoded(second.utf8) != nil
        else { return nil }
        return Key(
            id: value["kid"]?.text,
            type: type,
            curve: value["crv"]?.text,
            algorithm: value["alg"]?.text,
            first: first,
            second: second
        )
    }

    /// Whether a key of this id is there, for whatever algorithm.
    func knows(_ id: String?) -> Bool {
        id.map { id in keys.contains { $0.id.map { $0.isSame(as: id) } ?? false } } ?? !keys.isEmpty
    }

    /// The one key that a token may have been signed with.
    func key(_ id: String?, for algorithm: SignatureAlgorithm) async throws(TokenFault) -> any JWTAlgorithm {
        let fitting = keys.filter { key in
            let isMeant = id.map { id in key.id.map { $0.isSame(as: id) } ?? false } ?? true
            return isMeant && key.type == algorithm.keyType.type
                && (algorithm.keyType.curve.map { $0 == key.curve } ?? true)
                && (key.algorithm.map { $0 == algorithm.rawValue } ?? true)
        }
        guard let key = fitting.first else {
            guard !knows(id) else {
                throw TokenFault(
                    .algorithm,
                    "\(algorithm.rawValue) is not the algorithm of the key that it names"
                )
            }
            throw TokenFault(.key, "the issuer has no key \(named(id))")
        }
        guard fitting.count == 1 else {
            throw TokenFault(
                .key,
                id == nil
                    ? "it names no key, and the issuer has several" : "the issuer has two keys of one id"
            )
        }
        do {
            return try await Self.verifier(key, algorithm)
        } catch {
            throw TokenFault(
                .key,
                "the issuer's key for it is none that \(algorithm.rawValue) can be checked with"
            )
        }
    }

    /// What was sought, and what is there.
    private func named(_ id: String?) -> String {
        let known = keys.isEmpty ? "none that can be used" : ShownText.list(keys.map { $0.id ?? "" })
        return id.map { "of the id that it names, \(ShownText.quoted($0)), but \(known)" } ?? "at all"
    }

    /// By the library, of one key alone: a collection of several takes another one for an id that it has not.
    private static func verifier(_ key: Key, _ algorithm: SignatureAlgorithm) async throws -> any JWTAlgorithm
    {
        let id = JWKIdentifier(string: key.id ?? "")
        let jwk: JWK =
            switch algorithm.keyType.type {
            case "RSA": .rsa(algorithm.library, identifier: id, modulus: key.first, exponent: key.second)
            case "EC":
                .ecdsa(
                    algorithm.library,
                    identifier: id,
                    x: key.first,
                    y: key.second,
                    curve: key.curve.flatMap(ECDSACurve.init(rawValue:))
                )
            default:
                .octetKeyPair(
                    algorithm.library,
                    identifier: id,
                    x: key.first,
                    y: nil,
                    curve: key.curve.flatMap(EdDSACurve.init(rawValue:))
                )
            }
        return try await JWTKeyCollection().add(jwk: jwk).getKey(for: id, alg: algorithm.rawValue)
    }
}
