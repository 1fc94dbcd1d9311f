import Foundation
import Glibc
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
              people: [["user:root", "oidc:corp:a1"], ["user:daemon", "oidc:corp:b2", "saml:sso:bob"]]
              issuers: {corp: {audience: answers}}
            \(Self.issuers)
            """
        let configuration = try loaded(text)
        let plan = configuration.approvals
        #expect(plan.failure == nil)
        #expect(plan.socket?.path == "/srv/answers/socket" && plan.socket?.group == 0)
        #expect(plan.people.map(\.names.count) == [2, 3])
        #expect(plan.people[0].names.contains(ByteText("oidc:corp:a1")) && plan.people[0].uids == [0])
        #expect(plan.issuers.map(\.audiences) == [["answers"]])
        #expect(configuration.issuers.map(\.audiences) == [["bailey"]])
    }

    @Test(
        "What says nothing, or less than it seems to, is refused where it stands",
        arguments: [
            ("socket: {path: /srv/a}", "takes path and group"),
            ("socket: {path: srv/a, group: root}", "is not an absolute path"),
            ("socket: {path: /srv/../a, group: root}", "is not an absolute path"),
            ("socket: {path: /srv/\(String(repeating: "a", count: 82)), group: root}", "1 to 81 octets"),
            ("socket: {path: /, group: root}", "1 to 81 octets"),
            ("socket: {path: /srv/a, group: no-such-group}", "this machine has no group"),
            ("people: [[\"user:alice\"]]", "2 to 8"), ("people: [[alice, bob]]", "is no principal"),
            (
                "people: [[\"user:root\", \"oidc:corp:a\"], [\"user:daemon\", \"oidc:corp:a\"]]",
                "is listed already"
            ),
            (
                "people: [[\"user:root\", \"oidc:corp:a\"], [\"user:root\", \"oidc:corp:b\"]]",
                "is listed already"
            ),
            ("people: [[\"user:no-such-user\", \"oidc:corp:a\"]]", "this machine has no user"),
            // Who has a name is known by that, and a number is written in one way.
            ("people: [[\"user:0\", \"oidc:corp:a\"]]", "this machine has no user"),
            ("people: [[\"user:#60613\", \"oidc:corp:a\"]]", "this machine has no user"),
            ("people: [[\"user:+60613\", \"oidc:corp:a\"]]", "this machine has no user"),
            ("people: [[\"user:4294967295\", \"oidc:corp:a\"]]", "this machine has no user"),
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

    @Test("Who has no name on this machine is listed by the number, and is one person with their token")
    func number() throws {
        try #require(getpwuid(60_613) == nil)
        let text = "approvals: {people: [[\"user:60613\", \"oidc:corp:d\"]]}\n\(Self.issuers)"
        let plan = try loaded(text).approvals
        #expect(plan.failure == nil && plan.people.map(\.uids) == [[60_613]])
        let token = plan.identity(
            Principal(issuer: "corp", subject: "d", uid: Principal.unknownUser),
            isNamedOnly: true
        )
        let user = plan.identity(try LocalUser.principal(of: 60_613))
        #expect(user.isSame(as: token) && token.isSame(as: user))
        let holder = plan.identity(ofHolder: try #require(try LocalUser.principal(named: "60613")))
        #expect(holder.isSame(as: token) && holder.principal.subject == "user:60613")
        // The control: one more who has no name.
        let other = plan.identity(Principal(localUser: "60614", uid: 60_614))
        #expect(!other.isSame(as: token))
    }

    @Test("One of several names is one person by the user id too, whatever that is called just then")
    func oneUser() throws {
        let text = "approvals: {people: [[\"user:daemon\", \"oidc:corp:d\"]]}\n\(Self.issuers)"
        let plan = try loaded(text).approvals
        let uid = try #require(try LocalUser.principal(named: "daemon")).uid
        let token = plan.identity(
            Principal(issuer: "corp", subject: "d", uid: Principal.unknownUser),
            isNamedOnly: true
        )
        // The kernel's word, with another name of that id, or none that could be looked up.
        for name in ["daemon", "daemon-adm", "\(uid)"] {
            let user = plan.identity(Principal(localUser: name, uid: uid))
            #expect(user.isSame(as: token) && token.isSame(as: user), "\(name)")
        }
        // By what the operator gave them they are the same person, of whom the kernel has said nothing.
        let holder = plan.identity(ofHolder: try #require(try LocalUser.principal(named: "daemon")))
        #expect(holder.isSame(as: token) && holder.isSame(as: Principal(localUser: "other", uid: uid)))
        #expect(
            holder.principal.uid == Principal.unknownUser && holder.principal.subject == "user:daemon"
        )
        // Whom that user launched for is launched by that person.
        let launched = Principal(issuer: "gh", subject: "repo:acme/app", uid: uid)
        #expect(token.isSame(as: launched))
        // The controls: another user, and nobody of whom a user id is known.
        let other = Principal(localUser: "bin", uid: uid + 1)
        #expect(!token.isSame(as: other) && !plan.identity(other).isSame(as: token))
        let unknown = Principal(issuer: "corp", subject: "e", uid: Principal.unknownUser)
        #expect(!token.isSame(as: unknown) && !plan.identity(unknown).isSame(as: token))
    }
}
