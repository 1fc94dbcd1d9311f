import Foundation
import Identity
import Model
import Profiles
import Supervisor
import Testing

@Suite("Machines of a fleet in bailey.yaml")
struct FleetConfigurationTests {
    private func loaded(_ text: String) throws -> OperatorConfiguration {
        try written(text) { try OperatorConfiguration.load(file: nil, directory: $0) }
    }

    /// What is made of a folder with that text in `bailey.yaml`.
    private func written<Value>(_ text: String, _ body: (_ folder: String) throws -> Value) throws -> Value {
        let folder = NSTemporaryDirectory() + "bailey-fleet-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try "bailey: 1\n\(text)\n".write(toFile: folder + "/bailey.yaml", atomically: true, encoding: .utf8)
        return try body(folder)
    }

    private static let key = String(repeating: "ab", count: 32)
    private static let other = String(repeating: "cd", count: 32)
    private static let audit =
        "audit: {postgres: {url: \"postgresql://bailey@127.0.0.1/audit\", trust: [\(key), \(other)]}}\n"
    private static let issuers =
        "issuers: {corp: {issuer: \"https://idp.example\", audience: bailey, groups: groups}}\n"

    private func plan(_ people: String) throws -> ApprovalPlan {
        let machines = "{desk: \(Self.key), lab: \(Self.other)}"
        return try loaded(
            "approvals: {fleet: {machines: \(machines)}, people: [\(people)]}\n" + Self.audit + Self.issuers
        ).approvals
    }

    @Test("Machines have names, and a user of one may be listed alone, or beside a user of this machine")
    func read() throws {
        let plan = try plan("[\"user:desk:alice\"], [\"user:lab:bob\", \"user:daemon\"]")
        #expect(
            plan.fleet.map(\.name) == ["desk", "lab"] && plan.fleet.map(\.key) == [Self.key, Self.other]
        )
        #expect(plan.people.map(\.names.count) == [1, 2])
        #expect(plan.people[0].uids.isEmpty && plan.people[1].uids.count == 1)
        #expect(try loaded(Self.audit).approvals.fleet.isEmpty)
    }

    @Test(
        "What says nothing, or less than it seems to, is refused where it stands",
        arguments: [
            ("fleet: {machines: {}}", "takes machines"), ("fleet: {}", "takes machines"),
            ("fleet: {machines: {Desk: \(key)}}", "a machine's name is"),
            ("fleet: {machines: {corp: \(key)}}", "an issuer is called so"),
            (
                "fleet: {machines: {desk: \(String(repeating: "ef", count: 32))}}",
                "no key that audit.postgres.trust"
            ),
            ("fleet: {machines: {desk: x}}", "no key that audit.postgres.trust"),
            ("fleet: {machines: {desk: \(key), lab: \(key)}}", "has a name already"),
            ("fleet: {machines: {desk: \(key)}}, people: [[\"user:other:alice\"]]", "2 to 8"),
            (
                "fleet: {machines: {desk: \(key)}}, people: [[\"user:desk:a\"], [\"user:desk:a\"]]",
                "is listed already"
            ),
        ]
    )
    func refused(text: String, words: String) {
        let error = #expect(throws: ProfileError.self) {
            try loaded("approvals: {\(text)}\n\(Self.audit)\(Self.issuers)")
        }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }

    @Test("Without a database there is no fleet")
    func alone() {
        let error = #expect(throws: ProfileError.self) {
            try loaded("approvals: {fleet: {machines: {desk: \(Self.key)}}}")
        }
        #expect(error?.description.contains("says nothing without audit.postgres") == true)
    }

    @Test("A user of another machine is nobody unless people lists them, and then the person that it lists")
    func users() throws {
        let plan = try plan("[\"user:desk:alice\", \"user:daemon\"]")
        let (desk, lab) = (plan.fleet[0], plan.fleet[1])
        let alice = try plan.identity(of: "user:alice", alsoKnownAs: ["user:alice"], groups: [], on: desk)
        #expect(alice.principal.subject == "user:desk:alice" && !alice.isNamedOnly)
        #expect(alice.subjects == [ByteText("user:desk:alice"), ByteText("user:daemon")])
        for (name, machine) in [("user:bob", desk), ("user:alice", lab), ("user:desk:alice", desk)] {
            #expect(throws: FleetRefusal.self) {
                try plan.identity(of: name, alsoKnownAs: [name], groups: [], on: machine)
            }
        }
        // What takes something away goes by what they are called there as well, and by all their names there.
        #expect(alice.isSame(as: try #require(Principal(named: "user:alice"))))
        #expect(alice.isSame(as: try #require(try LocalUser.principal(named: "daemon"))))
        let known = try plan.identity(
            of: "user:alice",
            alsoKnownAs: ["user:alice", "oidc:corp:a1"],
            groups: [],
            on: desk
        )
        #expect(known.isSame(as: try #require(Principal(named: "oidc:corp:a1"))))
        #expect(!alice.isSame(as: try #require(Principal(named: "oidc:corp:a1"))), "the control")
        let token = try plan.identity(
            of: "oidc:corp:a1",
            alsoKnownAs: ["oidc:corp:a1"],
            groups: [],
            on: lab
        )
        #expect(token.principal.subject == "oidc:corp:a1" && token.isNamedOnly)
    }

    @Test(
        "A group of another machine has that machine's name, an issuer's is the same, and nobody is in a third one's"
    )
    func groups() throws {
        let plan = try plan("[\"user:desk:alice\"]")
        let who = try plan.identity(
            of: "user:alice",
            alsoKnownAs: [],
            groups: ["group:deploy", "group:corp:oncall", "group:lab:deploy", "group:", "deploy"],
            on: plan.fleet[0]
        )
        #expect(who.groups == [ByteText("group:desk:deploy"), ByteText("group:corp:oncall")])
    }

    @Test(
        "Of approvers whom another machine may know, 'bailey profile check' does not say that nobody can be them"
    )
    func facts() throws {
        let fleet = "approvals: {fleet: {machines: {desk: \(Self.key)}}}\n"
        for (approvals, isKnown) in [("", true), (fleet, false)] {
            let launcher = try written(approvals + Self.audit) {
                ProfileReview.Launcher.here(configuration: $0 + "/bailey.yaml")
            }
            #expect(launcher.unconfigured == nil && (launcher.approvers != nil) == isKnown)
        }
    }
}
