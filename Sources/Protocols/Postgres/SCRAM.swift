internal import Crypto
internal import CryptoExtras
internal import Model
internal import Wire

/// The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), with and without the binding to TLS (RFC 5929).
struct SCRAMClient: Sendable {
    /// What a server that knows the password says.
    struct Expectation: Sendable {
        let signature: [UInt8]

        func check(_ final: [UInt8]) throws(PostgresFault) {
            let text = String(decoding: final, as: Unicode.UTF8.self)
            guard text.begins(with: "v="), let octets = Base64.decoded(text.dropFirst(bytes: 2)),
                HMAC<SHA256>.isSame(octets, signature)
            else {
                throw PostgresFault(
                    .credentialUnavailable,
                    "the database did not prove that it knows the password (SCRAM)",
                    remedy: "make sure that the server is the one that the rule means"
                )
            }
        }
    }

    let mechanism: String
    private let password: String
    private let nonce: String
    /// GS2 header, and the binding behind it.
    private let header: String
    private let binding: [UInt8]

    /// Prefers the mechanism that is bound to TLS; where the server offers none, says that it would have been used, so that
    /// a server which did offer it notices.
    init(
        password: String,
        offered: [String],
        binding: [UInt8]?,
        nonce: String?
    ) throws(PostgresFault) {
        self.password = SASLprep.prepared(password)
        self.nonce = nonce ?? Base64.encoded((0..<18).map { _ in UInt8.random(in: .min ... .max) })
        if let binding, offered.holds(bytes: "SCRAM-SHA-256-PLUS") {
            mechanism = "SCRAM-SHA-256-PLUS"
            header = "p=tls-server-end-point,,"
            self.binding = binding
        } else if offered.holds(bytes: "SCRAM-SHA-256") {
            mechanism = "SCRAM-SHA-256"
            header = binding == nil ? "n,," : "y,,"
            self.binding = []
        } else {
            throw PostgresFault(
                .unsupported,
                "the database offers no SCRAM-SHA-256",
                remedy: "set password_encryption to scram-sha-256 and the password anew"
            )
        }
    }

    /// The server knows the user from the first packet.
    private var bare: String { "n=,r=\(nonce)" }

    var first: [UInt8] { [UInt8]((header + bare).utf8) }

    func reply(to challenge: [UInt8]) throws(PostgresFault) -> (octets: [UInt8], expectation: Expectation) {
        guard let text = String(validating: challenge, as: UTF8.self) else { throw Self.unread }
        let parts = text.cut(at: ",", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].begins(with: "r="), parts[1].begins(with: "s="),
            parts[2].begins(with: "i="), let salt = Base64.decoded(parts[1].dropFirst(bytes: 2)),
            !salt.isEmpty,
            let rounds = Int(parts[2].dropFirst(bytes: 2))
        else { throw Self.unread }
        let full = parts[0].dropFirst(bytes: 2)
        guard full.begins(with: nonce), full.utf8.count > nonce.utf8.count else {
            throw .violation("the database's nonce does not extend that of the gateway (SCRAM)")
        }
        guard PostgresLimits.rounds.contains(rounds) else {
            throw .violation("the database wants \(rounds) rounds of SCRAM: they are from 4,096 to 1,000,000")
        }
        let end = "c=" + Base64.encoded([UInt8](header.utf8) + binding) + ",r=" + full
        let signed = [UInt8]((bare + "," + text + "," + end).utf8)
        let (proof, signature) = try proof(salt, rounds, signed)
        return ([UInt8]((end + ",p=" + Base64.encoded(proof)).utf8), Expectation(signature: signature))
    }

    private func proof(
        _ salt: [UInt8],
        _ rounds: Int,
        _ signed: [UInt8]
    ) throws(PostgresFault) -> (proof: [UInt8], signature: [UInt8]) {
        let keys = try SCRAMKeys(prepared: password, salt: salt, rounds: rounds)
        let signature = SCRAMKeys.mac(signed, SymmetricKey(data: keys.stored))
        return (
            zip(keys.client, signature).map { $0 ^ $1 },
            SCRAMKeys.mac(signed, SymmetricKey(data: keys.server))
        )
    }

    private static let unread = PostgresFault.violation("the database's challenge cannot be read (SCRAM)")
}

/// What is derived from a password (RFC 5802 section 3).
struct SCRAMKeys {
    let client: [UInt8]
    /// What a server keeps to know who has the password.
    let stored: [UInt8]
    let server: [UInt8]

    init(prepared password: String, salt: [UInt8], rounds: Int) throws(PostgresFault) {
        guard
            let salted = try? KDF.Insecure.PBKDF2.deriveKey(
                from: [UInt8](password.utf8),
                salt: salt,
                using: .sha256,
                outputByteCount: 32,
                unsafeUncheckedRounds: rounds
            )
        else { throw PostgresFault(.credentialUnavailable, "the key of SCRAM could not be derived") }
        client = Self.mac([UInt8]("Client Key".utf8), salted)
        stored = [UInt8](SHA256.hash(data: client))
        server = Self.mac([UInt8]("Server Key".utf8), salted)
    }

    static func mac(_ octets: [UInt8], _ key: SymmetricKey) -> [UInt8] {
        [UInt8](HMAC<SHA256>.authenticationCode(for: octets, using: key))
    }
}

/// What a server is told in a password's place, so that neither it nor its log learns the password.
///
/// As it keeps it itself, `SCRAM-SHA-256$ROUNDS:SALT$STORED:SERVER` (PostgreSQL 15, "pg_authid").
package enum SCRAMVerifier {
    package static func text(
        of password: String,
        salt: [UInt8],
        rounds: Int = PostgresLimits.rounds.lowerBound
    ) throws(PostgresFault) -> String {
        let keys = try SCRAMKeys(prepared: SASLprep.prepared(password), salt: salt, rounds: rounds)
        let parts = [salt, keys.stored, keys.server].map(Base64.encoded)
        return "SCRAM-SHA-256$\(rounds):\(parts[0])$\(parts[1]):\(parts[2])"
    }
}

extension HMAC<SHA256> {
    /// Without saying by its time where two differ.
    fileprivate static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
