import Model
import Policy
import Profiles
import Testing

struct HappyPathTests {
    private let text = """
        bailey: 1
        name: app
        files: {write: [$WORKSPACE]}
        egress:
          - to: https://api.github.com
            allow: ["GET /repos/acme/**"]
            deny: ["* /repos/acme/app/actions/secrets/**"]
            ask: ["DELETE /repos/acme/**"]
            credential: github
        """

    @Test("A profile is read, compiled and decides")
    func readCompiledDecides() throws {
        let profile = try load(text)
        #expect(profile.files.write == ["/workspace"])
        let hop = Hop(
            agent: AgentID(run: "0a", ordinal: 1),
            name: "app",
            profile: "app",
            profileDigest: profile.digest
        )
        let lineage = Lineage(principal: Principal(localUser: "alice", uid: 1000), root: hop)
        let policy = try #require(LineagePolicy(lineage: lineage, levels: [CompiledPolicy(profile)]))
        let name = try #require(DNSName("api.github.com"))
        let endpoint = Endpoint(scheme: .https, host: .name(name), port: 443)
        func effect(_ method: String, _ path: String) -> Effect? {
            let request = Request(endpoint: endpoint, action: .http(method: method, path: path, query: nil))
            switch policy.decide(request) {
            case .allow(let permit):
                #expect(permit.obligations.credential == "github")
                return .allow
            case .read: return nil
            case .ask: return .ask
            case .deny(let refusal): return refusal.verdict
            }
        }
        #expect(effect("GET", "/repos/acme/app") == .allow)
        #expect(effect("GET", "/repos/other/app") == .deny)
        #expect(effect("GET", "/repos/acme/app/actions/secrets/x") == .deny)
        #expect(effect("DELETE", "/repos/acme/app") == .ask)
    }
}
