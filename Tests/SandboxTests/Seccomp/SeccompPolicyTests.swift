import Foundation
import Policy
import Profiles
import Testing

struct SeccompPolicyTests {
    private static let policies = Result {
        [
            ("x86_64", try SystemCallPolicies.standard()),
            ("strict-x86_64", try SystemCallPolicies.strict()),
        ]
    }

    @Test func `What is embedded in the program is the file in profiles`() throws {
        for (file, policy) in try Self.policies.get() {
            let text = try String(contentsOf: PolicyData.file(file), encoding: .utf8)
            #expect(try SystemCallPolicies.parse(text, name: policy.name, file: file) == policy)
        }
    }

    @Test func `Every group has a name of its own, a reason and a rule`() throws {
        for (_, policy) in try Self.policies.get() {
            #expect(policy.groups.count > 10)
            #expect(Set(policy.groups.map(\.name)).count == policy.groups.count)
            for group in policy.groups {
                #expect(group.reason.hasSuffix("."), "\(group.name)")
                #expect(!group.rules.isEmpty && group.rules.allSatisfy { !$0.calls.isEmpty }, "\(group.name)")
            }
        }
    }

    @Test func `S20: names have the numbers that the kernel's header gives them`() {
        #expect(PolicyData.headerNumbers.count > 350)
        for (name, number) in PolicyData.headerNumbers where number <= 471 {
            #expect(SystemCallTable.number(of: name) == number, "\(name)")
        }
    }

    @Test func `S20: every number is that of one name, and every name that of one number`() {
        let calls = SystemCallTable.calls
        #expect(Set(calls.map(\.name)).count == calls.count)
        for call in calls {
            #expect(SystemCallTable.number(of: call.name) == call.number)
            #expect(SystemCallTable.name(of: call.number) == call.name)
        }
        #expect(calls.last == SystemCall(name: "rseq_slice_yield", number: 471))
        for number: UInt32 in [337, 423, 472, .max] { #expect(SystemCallTable.name(of: number) == nil) }
    }
}
