internal import Crypto
internal import Model
package import NIOCore
internal import Wire

/// As whom the gateway logs in, and what a session begins with.
///
/// Has no description: it holds a secret.
package struct PostgresLoginSettings: Sendable, CustomStringConvertible, CustomReflectable {
    package let user: String
    package let database: String
    /// Nil where a client certificate, or nothing, says who it is.
    package let password: String?
    /// Set from the beginning, also after RESET: the client's own first, then what the rule pins.
    package let settings: [PostgresSetting]
    /// The server is known by its certificate, or on this machine and the rule says so: the password may go in the clear.
    package let isTrusted: Bool
    /// Hash of the server's certificate, `tls-server-end-point` (RFC 5929 section 4); nil without TLS.
    package let binding: [UInt8]?

    package init(
        user: String,
        database: String,
        password: String?,
        settings: [PostgresSetting],
        isTrusted: Bool,
        binding: [UInt8]?
    ) {
        self.user = user
        self.database = database
        self.password = password
        self.settings = settings
        self.isTrusted = isTrusted
        self.binding = binding
    }

    package var description: String { "PostgresLoginSettings(\(user))" }
    package var customMirror: Mirror { Mirror(self, children: ["user": user, "database": database]) }

    /// StartupMessage of version 3.0; of a setting that is named twice the last value.
    var startup: ByteBuffer {
        var body = ByteBuffer()
        body.writeMultipleIntegers(UInt32(0), UInt32(0x0003_0000))
        for setting in [PostgresSetting("user", user), PostgresSetting("database", database)] + settings {
            Outgoing.text(setting.name, to: &body)
            Outgoing.text(setting.value, to: &body)
        }
        body.writeInteger(UInt8(0))
        body.setInteger(UInt32(clamping: body.readableBytes), at: 0)
        return body
    }
}

/// What a server said before the first statement.
package struct PostgresLoggedIn: Sendable {
    package let parameters: [PostgresSetting]
    /// The server's own, for which the client is given another one.
    ///
    /// Nil where the server has none.
    package let key: BackendKey?

    /// AuthenticationOk and all that comes before the client's first statement, with a key of the gateway's.
    package func greeting(key: BackendKey?) -> ByteBuffer {
        var bytes = Outgoing.message(Tag.authentication) { $0.writeInteger(UInt32(0)) }
        for parameter in parameters {
            bytes.writeImmutableBuffer(
                Outgoing.message(Tag.parameterStatus) { body in
                    Outgoing.text(parameter.name, to: &body)
                    Outgoing.text(parameter.value, to: &body)
                }
            )
        }
        if let key {
            bytes.writeImmutableBuffer(
                Outgoing.message(Tag.backendKey) { $0.writeMultipleIntegers(key.process, key.key) }
            )
        }
        bytes.writeImmutableBuffer(
            Outgoing.message(Tag.ready) { $0.writeInteger(TransactionStatus.idle.rawValue) }
        )
        return bytes
    }
}

/// The gateway's login to a server.
///
/// ```
///   started ── R 0 ─────────────────────────────────────────────► greeted ── Z ──► over
///      ├── R 3 (clear), R 5 (md5) ──► answered ── R 0 ───────────►
///      └── R 10 (SASL) ──► proving ── R 11 ──► awaiting ── R 12 ──► proven ── R 0 ──►
/// ```
///
/// A server that was asked to prove itself (SCRAM) must have done so before it says that all is well.
package struct PostgresLogin: Sendable {
    package enum Outcome: Sendable {
        case more
        case ready(PostgresLoggedIn)
        case failed(PostgresFault)
    }

    private enum State {
        case started
        case answered
        case proving(SCRAMClient)
        case awaiting(SCRAMClient.Expectation)
        case proven
        case greeted
        case over
    }

    private let settings: PostgresLoginSettings
    /// Of tests.
    private let nonce: String?
    private var state = State.started
    private var reader = FrameReader(from: .upstream)
    private var parameters: [PostgresSetting] = []
    private var key: BackendKey?

    package init(_ settings: PostgresLoginSettings, nonce: String? = nil) {
        self.settings = settings
        self.nonce = nonce
    }

    /// The first packet to the server, behind TLS where there is TLS.
    package var startup: ByteBuffer { settings.startup }

    /// Octets of the server; what is to be sent to it, and what came of them.
    package mutating func received(_ bytes: ByteBuffer) -> (send: ByteBuffer, outcome: Outcome) {
        var send = ByteBuffer()
        reader.append(bytes)
        do throws(PostgresFault) {
            while let piece = try reader.next(whole: true) {
                if let done = try read(piece, &send) { return (send, .ready(done)) }
            }
            return (send, .more)
        } catch {
            state = .over
            return (ByteBuffer(), .failed(error))
        }
    }

    private mutating func read(
        _ piece: FramePiece,
        _ send: inout ByteBuffer
    ) throws(PostgresFault) -> PostgresLoggedIn? {
        guard piece.bytes.readableBytes <= PostgresLimits.authentication else {
            throw .violation(
                "the database sent a message over \(PostgresLimits.authentication) octets at login"
            )
        }
        var body = piece.body
        switch (piece.tag, state) {
        case (Tag.notice, _): break
        case (Tag.error, _): throw refusal(body)
        case (Tag.authentication, .greeted), (Tag.authentication, .over):
            throw .violation("the database authenticates a second time")
        case (Tag.authentication, _): try authenticate(&body, &send)
        case (Tag.parameterStatus, .greeted): try note(&body)
        case (Tag.backendKey, .greeted): try take(&body)
        case (Tag.ready, .greeted): return try end(body)
        default: throw .violation("the database sent a message of type \(piece.tag) at login")
        }
        return nil
    }

    private mutating func note(_ body: inout ByteBuffer) throws(PostgresFault) {
        guard let name = body.readText(), let value = body.readText(), body.readableBytes == 0,
            parameters.count < PostgresLimits.settings
        else { throw .violation("the database sent a ParameterStatus that cannot be read, or too many") }
        parameters.append(PostgresSetting(name, value))
    }

    private mutating func take(_ body: inout ByteBuffer) throws(PostgresFault) {
        guard key == nil, let (process, secret) = body.readMultipleIntegers(as: (UInt32, UInt32).self),
            body.readableBytes == 0
        else { throw .violation("the database sent a BackendKeyData that is not of 12 octets, or two") }
        key = BackendKey(process: process, key: secret)
    }

    private mutating func end(_ body: ByteBuffer) throws(PostgresFault) -> PostgresLoggedIn {
        guard body.readableBytesView.elementsEqual([TransactionStatus.idle.rawValue]), reader.waiting == 0
        else {
            throw .violation("the database did not end the login with ReadyForQuery alone")
        }
        state = .over
        return PostgresLoggedIn(parameters: parameters, key: key)
    }

    private func refusal(_ body: ByteBuffer) -> PostgresFault {
        let error = ErrorFields(body)
        return PostgresFault(
            .credentialUnavailable,
            "the database refused the login as \(settings.user): \(error.message) (\(error.code))",
            code: error.code,
            told: "the database refused the gateway's login (\(error.code))",
            remedy: "ask the operator to look at the credential of this rule and at the server's pg_hba.conf"
        )
    }
}

extension PostgresLogin {
    /// AuthenticationXxx (PostgreSQL 15, "Message Formats").
    private mutating func authenticate(
        _ body: inout ByteBuffer,
        _ send: inout ByteBuffer
    ) throws(PostgresFault) {
        guard let kind = body.readInteger(as: UInt32.self) else {
            throw .violation("the database sent an authentication message without a kind")
        }
        switch (kind, state) {
        case (0, .started), (0, .answered), (0, .proven):
            state = .greeted
        case (3, .started):
            try clear(&send)
        case (5, .started):
            guard let salt = body.readBytes(length: 4) else { throw .violation("an md5 salt has 4 octets") }
            write([UInt8](try md5(salt).utf8) + [0], &send)
            state = .answered
        case (10, .started): try begin(&body, &send)
        case (11, .proving(let client)):
            let reply = try client.reply(to: Array(body.readableBytesView))
            write(reply.octets, &send)
            state = .awaiting(reply.expectation)
        case (12, .awaiting(let expectation)):
            try expectation.check(Array(body.readableBytesView))
            state = .proven
        case (0, _), (3, _), (5, _), (10, _), (11, _), (12, _):
            throw .violation("the database sent the authentication message \(kind) out of turn")
        default:
            throw PostgresFault(
                .unsupported,
                "the database wants the authentication method \(kind), which is not supported",
                remedy: "let pg_hba.conf ask the gateway's user for scram-sha-256 or cert"
            )
        }
    }

    private mutating func clear(_ send: inout ByteBuffer) throws(PostgresFault) {
        guard settings.isTrusted else {
            throw PostgresFault(
                .credentialUnavailable,
                "the database wants the password in the clear, and is not known by its certificate",
                remedy: "let pg_hba.conf ask for scram-sha-256, or give the rule sslmode: verify-full"
            )
        }
        write([UInt8](try password().utf8) + [0], &send)
        state = .answered
    }

    private func password() throws(PostgresFault) -> String {
        guard let password = settings.password, !password.utf8.contains(0) else {
            throw PostgresFault(
                .credentialUnavailable,
                "the database wants a password, and the rule's credential has none",
                remedy: "give the rule a credential of the kind password"
            )
        }
        return password
    }

    /// `md5`, then md5 of the salt behind md5 of password and user, in hex.
    private func md5(_ salt: [UInt8]) throws(PostgresFault) -> String {
        let inner = Insecure.MD5.hash(data: [UInt8](try password().utf8) + [UInt8](settings.user.utf8)).hex
        return "md5" + Insecure.MD5.hash(data: [UInt8](inner.utf8) + salt).hex
    }

    private mutating func begin(_ body: inout ByteBuffer, _ send: inout ByteBuffer) throws(PostgresFault) {
        var mechanisms: [String] = []
        while let name = body.readText(), !name.isEmpty { mechanisms.append(name) }
        let client = try SCRAMClient(
            password: try password(),
            offered: mechanisms,
            binding: settings.binding,
            nonce: nonce
        )
        let first = client.first
        send.writeImmutableBuffer(
            Outgoing.message(Tag.password) { message in
                Outgoing.text(client.mechanism, to: &message)
                message.writeInteger(UInt32(clamping: first.count))
                message.writeBytes(first)
            }
        )
        state = .proving(client)
    }

    private func write(_ octets: [UInt8], _ send: inout ByteBuffer) {
        send.writeImmutableBuffer(Outgoing.message(Tag.password) { $0.writeBytes(octets) })
    }
}

/// What an ErrorResponse says.
struct ErrorFields {
    private(set) var severity = "ERROR"
    /// SQLSTATE.
    private(set) var code = "XX000"
    private(set) var message = ""

    /// Of whatever octets; what cannot be read is left out.
    init(_ body: ByteBuffer) {
        var body = body
        while let kind = body.readInteger(as: UInt8.self), kind != 0, let field = body.readTerminated() {
            let text = String(decoding: field.readableBytesView, as: Unicode.UTF8.self)
            switch kind {
            case UInt8(ascii: "V"): severity = text
            case UInt8(ascii: "C") where Self.isCode(field): code = text
            case UInt8(ascii: "M"): message = text
            default: break
            }
        }
    }

    private static func isCode(_ field: ByteBuffer) -> Bool {
        field.readableBytes == 5
            && field.readableBytesView.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
    }
}
