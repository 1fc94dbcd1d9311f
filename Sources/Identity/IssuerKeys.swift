internal import Linux
internal import Model
internal import Synchronization

/// The keys of one issuer as they are known: fetched when they are needed, and kept for their life.
///
/// A key's id that is not among them makes them be fetched once more, and not again for a while, whatever tokens come.
final class IssuerKeys: Sendable {
    /// Milliseconds that keys are kept: issuers announce new ones a day or more before they sign with them, and what is
    /// withdrawn is good no longer than this.
    static let life: UInt64 = 3_600_000
    /// Milliseconds between two fetches for ids that are not known.
    static let unknownPause: UInt64 = 30_000
    /// Milliseconds for which an issuer that could not be asked is not asked again, so that many launches wait once.
    static let failurePause: UInt64 = 5_000
    /// Milliseconds for one document.
    static let timeout: Int64 = 5_000

    private struct State {
        var keys: SigningKeys?
        var fetched: UInt64 = 0
        /// When they were fetched last for an id that was not known.
        var sought: UInt64?
        var failure: (moment: UInt64, reason: TokenFault)?
    }

    private let issuer: Issuer
    private let transport: any DocumentTransport
    private let uptime: @Sendable () -> UInt64
    private let state = Mutex(State())

    init(
        _ issuer: Issuer,
        _ transport: any DocumentTransport,
        uptime: @escaping @Sendable () -> UInt64
    ) {
        self.issuer = issuer
        self.transport = transport
        self.uptime = uptime
    }

    /// Keys among which one of this id is, where the issuer has it; may ask the issuer, and wait for it.
    ///
    /// `id` is what a token names; nil for none.
    func keys(knowing id: String?) throws(TokenFault) -> SigningKeys {
        if case .file(let path) = issuer.keys { return try file(path) }
        return try state.withLock { state throws(TokenFault) in
            let now = uptime()
            if let keys = state.keys, now - min(now, state.fetched) < Self.life {
                return keys.knows(id) ? keys : try sought(id, &state, now)
            }
            return try fetched(&state, now)
        }
    }

    /// Keys fetched once more, where a token that names none was signed with none of those known; nil where they were fetched
    /// since that moment of the uptime.
    func renewed(keysBefore moment: UInt64) throws(TokenFault) -> SigningKeys? {
        if case .file = issuer.keys { return nil }
        return try state.withLock { state throws(TokenFault) in
            state.fetched < moment ? try sought(nil, &state, uptime()) : nil
        }
    }

    /// Once more, for an id that is not among those known; which stay, whatever comes of it.
    private func sought(_ id: String?, _ state: inout State, _ now: UInt64) throws(TokenFault) -> SigningKeys
    {
        if let last = state.sought, now - min(now, last) < Self.unknownPause {
            throw TokenFault(
                .key,
                "\(issuer.name) has no key of the id that it names\(id.map { ", \(ShownText.quoted($0))" } ?? ""), as of \((now - min(now, last)) / 1_000) s ago",
                remedy: "try again in \(Self.unknownPause / 1_000) s"
            )
        }
        state.sought = now
        return try fetched(&state, now)
    }

    private func fetched(_ state: inout State, _ now: UInt64) throws(TokenFault) -> SigningKeys {
        if let failure = state.failure, now - min(now, failure.moment) < Self.failurePause {
            throw failure.reason
        }
        do {
            let keys = try fetch()
            (state.keys, state.fetched, state.failure) = (keys, now, nil)
            return keys
        } catch {
            state.failure = (uptime(), error)
            throw error
        }
    }

    private func fetch() throws(TokenFault) -> SigningKeys {
        switch issuer.keys {
        case .file(let path): return try file(path)
        case .url(let address): return try SigningKeys(document(address, "key set"))
        case .discovered: return try SigningKeys(document(discovered(), "key set"))
        case .certificates: throw TokenFault(.issuer, "\(issuer.name) signs assertions, and no tokens")
        }
    }

    /// OpenID Connect Discovery 1.0 sections 4.1 and 4.3.
    private func discovered() throws(TokenFault) -> WebAddress {
        guard let address = issuer.address?.appending(path: "/.well-known/openid-configuration") else {
            throw failure("its configuration cannot lie below \(issuer.url); name its keys with jwks")
        }
        let octets = try document(address, "configuration")
        let configuration: JSONValue
        do {
            configuration = try JSONValue(octets)
        } catch {
            throw failure("its configuration at \(address) does not read: \(error.reason)")
        }
        guard let said = configuration["issuer"]?.text, said.isSame(as: issuer.url) else {
            throw failure("its configuration at \(address) is that of another issuer")
        }
        guard let keys = configuration["jwks_uri"]?.text.flatMap({ WebAddress($0) }) else {
            throw failure("its configuration at \(address) names no keys at an https URL (jwks_uri)")
        }
        return keys
    }

    private func document(_ address: WebAddress, _ what: String) throws(TokenFault) -> [UInt8] {
        let reply: FormReply
        do {
            reply = try transport.get(DocumentQuery(address, timeout: Self.timeout))
        } catch {
            throw failure("its \(what) at \(address) could not be had: \(error.message)")
        }
        guard reply.status == 200 else {
            throw failure("its \(what) at \(address) could not be had: it answered \(reply.status)")
        }
        return reply.body
    }

    private func file(_ path: String) throws(TokenFault) -> SigningKeys {
        guard let octets = ReadFile.bytes(at: path, limit: TokenLimits.document) else {
            throw failure(
                "its key set \(path) cannot be read: \(ReadFile.trouble(at: path, limit: TokenLimits.document)); "
                    + "issuers.\(issuer.name).jwks in bailey.yaml names the file"
            )
        }
        return try SigningKeys(octets)
    }

    private func failure(_ reason: String) -> TokenFault {
        TokenFault(.key, "the keys of \(issuer.name) are not known: \(reason)")
    }
}
