import Foundation
import Sandbox
import Testing

struct SeccompPolicyTests {
    /// `BAILEY_UPDATE=1` writes the file instead: the table in the code is the source.
    @Test func `The policy file in profiles says what is compiled`() throws {
        let root = URL(filePath: #filePath).appending(path: "../../../..").standardized
        let file = root.appending(path: "profiles/seccomp/x86_64.json")
        if ProcessInfo.processInfo.environment["BAILEY_UPDATE"] != nil {
            try Data(SeccompPolicy.json().utf8).write(to: file)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == SeccompPolicy.json())
    }

    @Test func `The policy file is JSON with every group`() throws {
        let parsed = try JSONSerialization.jsonObject(with: Data(SeccompPolicy.json().utf8))
        let groups = try #require((parsed as? [String: Any])?["groups"] as? [[String: Any]])
        #expect(groups.compactMap { $0["name"] as? String } == SeccompPolicy.groups.map(\.name))
    }

    @Test func `Every group has a name of its own, a reason and a rule`() {
        #expect(Set(SeccompPolicy.groups.map(\.name)).count == SeccompPolicy.groups.count)
        for group in SeccompPolicy.groups {
            #expect(group.reason.hasSuffix("."), "\(group.name)")
            #expect(!group.rules.isEmpty && group.rules.allSatisfy { !$0.calls.isEmpty }, "\(group.name)")
        }
    }

    @Test func `S20: a call that nobody knows is an error, never skipped`() {
        #expect(throws: SeccompFailure.self) { try SystemCall(stringLiteral: "no_such_call").resolved() }
    }

    @Test(arguments: SeccompPolicy.groups.flatMap(\.rules).flatMap(\.calls))
    func `S20: every call of the policy has a number here`(call: SystemCall) throws {
        #expect(try call.resolved() >= 0)
    }
}
