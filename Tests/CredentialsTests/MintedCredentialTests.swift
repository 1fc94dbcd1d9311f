import Credentials
import Model
import Profiles
import Synchronization
import Testing

/// What Bailey mints for each agent, as credentials.
struct MintedCredentialTests {
    private static let text = """
        bailey: 1
        credentials:
          token: {from: {agent-token: {audience: "https://a.test"}}, as: bearer, for: [https://a.test]}
          short: {from: {agent-token: {audience: "b"}}, as: bearer, for: [https://a.test], lifetime: 30s}
          certificate: {from: {agent-certificate: {}}, as: client-cert, for: [https://a.test]}
          other: {from: {env: OTHER}, as: bearer, for: [https://a.test]}
        """

    private func store(
        onFetch: @escaping @Sendable (String) -> Void = { _ in }
    ) throws -> CredentialStore {
        let definitions = try CredentialFile.parse(Self.text, file: "c.yaml", home: nil)
        return CredentialStore(definitions, environment: ["OTHER": "s3cr3t-0ther"], onFetch: onFetch)
    }

    private func lineage(_ number: Int) -> Lineage {
        let hop = Hop(
            agent: AgentID(run: "1f2e3d4c5b6a", ordinal: number),
            name: "n",
            profile: "p",
            profileDigest: ""
        )
        return Lineage(principal: Principal(localUser: "alice", uid: 1), root: hop)
    }

    @Test("A token lives five minutes at most and a certificate an hour, or as long as is said")
    func lifetimes() throws {
        let definitions = try CredentialFile.parse(Self.text, file: "c.yaml", home: nil)
        #expect(definitions.map(\.lifetime) == [300_000, 30_000, 3_600_000, 60_000])
        for (lifetime, isOne) in [
            ("30s", true), ("5m", true), ("29s", false), ("301s", false), ("1h", false),
        ] {
            let text = """
                bailey: 1
                credentials:
                  t: {from: {agent-token: {audience: a}}, as: bearer, for: [https://a.test], lifetime: \(lifetime)}
                """
            let isRead = (try? CredentialFile.parse(text, file: "c.yaml", home: nil)) != nil
            #expect(isRead == isOne, "\(lifetime)")
        }
    }

    @Test(
        "Each agent has its own, which is masked wherever it turns up; other credentials are the same for all"
    )
    func each() throws {
        let heard = Mutex<[String]>([])
        let store = try store { text in heard.withLock { $0.append(text) } }
        store.mint(by: Issuer())
        let token = try store.value(of: "token", for: lineage(1))
        #expect(token == CredentialValue("Bearer a-https://a.test-300000-1", boundTo: .init(pem: "cert 1")))
        #expect(try store.value(of: "token", for: lineage(2)).text == "Bearer a-https://a.test-300000-2")
        #expect(try store.value(of: "short", for: lineage(1)).text == "Bearer a-b-30000-1")
        #expect(try store.value(of: "certificate", for: lineage(1)) == CredentialValue("pem 3600000 1"))
        #expect(heard.withLock { $0 }.contains("a-https://a.test-300000-2"))
        #expect(try store.value(of: "other", for: lineage(1)) == store.value(of: "other", for: lineage(2)))
        #expect(store.keptValue(of: "token", for: lineage(1)) == nil, "the issuer keeps it, or nobody")
        #expect(store.mints && !store.isAtHand("token", knowsEnvironment: true))
        #expect(store.shortcoming(of: "token", knowsEnvironment: true) == nil)
    }

    @Test(
        "G17: what was minted for who is revoked is dropped, however many, once for each, and nobody else's"
    )
    func revoked() throws {
        let store = try store()
        store.forget(["token"], unlessOf: [], mintedFor: [lineage(1).agent.agent])
        let issuer = Issuer()
        store.mint(by: issuer)
        let revoked = [2, 3, 4].map { lineage($0).agent.agent }
        store.forget(["token", "certificate"], unlessOf: ["token"], mintedFor: revoked)
        #expect(issuer.forgotten.withLock { $0 } == revoked)
        store.forget([], unlessOf: ["token"], mintedFor: [])
        #expect(issuer.forgotten.withLock { $0.count } == 3)
    }

    @Test("Where nobody mints there is no credential, and none that is the same for all")
    func nobody() throws {
        let store = try store()
        for name in ["token", "certificate"] {
            #expect(throws: CredentialFailure.self) { try store.value(of: name, for: lineage(1)) }
            #expect(throws: CredentialFailure.self) { try store.value(of: name) }
        }
    }
}

private final class Issuer: IdentityIssuer {
    /// Of whom it was told that they are over, in order.
    let forgotten = Mutex<[AgentID]>([])

    func token(
        for lineage: Lineage,
        audience: String,
        lifetime: Int64
    ) throws(CredentialFailure) -> MintedToken {
        let number = lineage.agent.agent.text.suffix(1)
        return MintedToken(
            text: "a-\(audience)-\(lifetime)-\(number)",
            certificate: .init(pem: "cert \(number)")
        )
    }

    func certificate(for lineage: Lineage, lifetime: Int64) throws(CredentialFailure) -> MintedCertificate {
        MintedCertificate(pem: "pem \(lifetime) \(lineage.agent.agent.text.suffix(1))")
    }

    func keptToken(for lineage: Lineage, audience: String, lifetime: Int64) -> MintedToken? { nil }
    func keptCertificate(for lineage: Lineage, lifetime: Int64) -> MintedCertificate? { nil }
    func extend(_ run: String, until end: Timestamp) {}
    func forget(_ agent: AgentID) { forgotten.withLock { $0.append(agent) } }
}
