import Foundation
import Identity
import Model
import Profiles
import Supervisor
import Testing

@Suite("Approvers in bailey.yaml")
struct ApproverConfigurationTests {
    private func loaded(_ text: String) throws -> OperatorConfiguration {
        let folder = NSTemporaryDirectory() + "bailey-approvers-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try "bailey: 1\n\(text)\n".write(toFile: folder + "/bailey.yaml", atomically: true, encoding: .utf8)
        return try OperatorConfiguration.load(file: nil, directory: folder)
    }

    private static let issuers =
        "issuers: {corp: {issuer: \"https://idp.example\", audience: bailey, groups: groups}}\n"

    @Test("A socket, people of several names, and issuers whose tokens answer are what is written")
    func read() throws {
        let text = """
            approvals:
              listen: 127.0.0.1:8791
              socket: {path: /srv/answers/socket, group: root}
              people: [["user:alice", "oidc:corp:a1"], ["user:bob", "oidc:corp:b2", "saml:sso:bob"]]
              issuers: {corp: {audience: answers}}
            \(Self.issuers)
            """
        let configuration = try loaded(text)
        let plan = configuration.approvals
        #expect(plan.socket?.path == "/srv/answers/socket" && plan.socket?.group == 0)
        #expect(plan.people.map(\.count) == [2, 3] && plan.people[0].contains(ByteText("oidc:corp:a1")))
        #expect(plan.issuers.map(\.audiences) == [["answers"]])
        #expect(configuration.issuers.map(\.audiences) == [["bailey"]])
    }

    @Test(
        "What says nothing, or less than it seems to, is refused where it stands",
        arguments: [
            ("socket: {path: /srv/a}", "takes path and group"),
            ("socket: {path: srv/a, group: root}", "is not an absolute path"),
            ("socket: {path: /srv/../a, group: root}", "is not an absolute path"),
            ("socket: {path: /srv/a, group: no-such-group}", "this machine has no group"),
            ("people: [[\"user:alice\"]]", "2 to 8"), ("people: [[alice, bob]]", "is no principal"),
            (
                "people: [[\"user:alice\", \"oidc:corp:a\"], [\"user:bob\", \"oidc:corp:a\"]]",
                "is listed already"
            ),
            ("issuers: {corp: {audience: answers}}", "says nothing without approvals.listen"),
            ("listen: 127.0.0.1:8791, issuers: {other: {audience: answers}}", "no such issuer of tokens"),
            ("listen: 127.0.0.1:8791, issuers: {corp: {}}", "takes audience"),
            ("listen: 127.0.0.1:8791, issuers: {corp: {audience: bailey}}", "what tokens for launches have"),
        ]
    )
    func refused(text: String, words: String) {
        let error = #expect(throws: ProfileError.self) { try loaded("approvals: {\(text)}\n\(Self.issuers)") }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }
}
