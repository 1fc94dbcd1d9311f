import Foundation
import Policy
import Profiles
import Sandbox
import Synchronization
import Testing

struct SeccompFilterTests {
    private static func policy(_ name: String, _ rules: [SystemCallRule]) -> SystemCallPolicy {
        let groups = rules.isEmpty ? [] : [SystemCallGroup(name: "g", reason: "R.", rules: rules)]
        return SystemCallPolicy(name: name, rest: .allowed, groups: groups, digest: name)
    }

    @Test func `The filters compile to whole instructions within the kernel's limit`() throws {
        let programs = [
            try SeccompFilter.base(try SystemCallPolicies.standard()),
            try SeccompFilter.narrower(try SystemCallPolicies.strict()),
        ]
        for program in programs {
            #expect(program.count % 8 == 0)
            #expect(program.count / 8 <= SeccompFilter.maximumInstructions)
        }
    }

    /// The library whose output is in the repository; another may order instructions otherwise, and SeccompTwinTests tell
    /// whether it means the same.
    private static let library = "2.5.4"

    @Test(.enabled(if: SeccompFilter.libraryVersion() == library, "needs libseccomp 2.5.4"))
    func `The filter that is built in is what the default policy compiles to`() throws {
        let compiled = try SeccompFilter.base(try SystemCallPolicies.standard())
        if let path = ProcessInfo.processInfo.environment["BAILEY_FILTER"] {
            try Data(compiled).write(to: URL(filePath: path))
        } else {
            #expect(SeccompFilter.builtIn == compiled, "run 'make filters', and build again")
        }
        #expect(try SeccompFilters().programs(nil) == [SeccompFilter.builtIn])
    }

    @Test func `The default is loaded last, and alone where a policy adds nothing`() throws {
        let base = try SystemCallPolicies.standard()
        let strict = try SystemCallPolicies.strict()
        let filters = SeccompFilters(base: base)
        let alone = [try SeccompFilter.base(base)]
        #expect(try filters.programs(nil) == alone)
        #expect(try filters.programs(Self.policy("default", [])) == alone)
        #expect(try filters.programs(strict) == [try SeccompFilter.narrower(strict)] + alone)
    }

    @Test func `Each filter is compiled when it is first needed, and once`() throws {
        let compiled = Mutex<[String]>([])
        let compile: SeccompFilters.Compiler = { policy in
            compiled.withLock { $0.append(policy.name) }
            return [UInt8](policy.name.utf8)
        }
        let rule = SystemCallRule(calls: [SystemCallTable.calls[0]], conditions: [], answer: .notPermitted)
        let filters = SeccompFilters(
            base: Self.policy("base", [rule]),
            compileBase: compile,
            compileNarrower: compile
        )
        #expect(compiled.withLock(\.self).isEmpty)
        for _ in 0..<2 { #expect(try filters.programs(nil) == [[UInt8]("base".utf8)]) }
        #expect(compiled.withLock(\.self) == ["base"])
        for name in ["one", "two", "one", "two"] {
            let programs = try filters.programs(Self.policy(name, [rule]))
            #expect(programs == [[UInt8](name.utf8), [UInt8]("base".utf8)])
        }
        #expect(compiled.withLock(\.self) == ["base", "one", "two"])
    }

    @Test func `A policy that makes more instructions than a filter holds is refused by name`() throws {
        // Within every other limit: 128 calls of four comparisons each, and 896 of none.
        let rules = (UInt32(0)..<1024).map { number in
            let values = (0..<4).map { (UInt64(number) << 2 | $0) * 0x1_0000_0001 }
            let test = ArgumentTest.masked(0xffff_0000_ffff, in: values)
            let call = SystemCall(name: "c", number: 1000 + 3 * number)
            return SystemCallRule(
                calls: [call],
                conditions: number < 128 ? [ArgumentCondition(argument: 0, test: test)] : [],
                answer: number % 2 == 0 ? .notPermitted : .noSuchCall
            )
        }
        let failure = #expect(throws: SeccompFailure.self) {
            try SeccompFilter.narrower(Self.policy("much", rules))
        }
        #expect(failure?.policy == "much" && failure?.step == "size of the exported program")
        #expect(failure?.description.contains("4096 instructions") == true)
    }

    @Test func `What libseccomp might never finish is refused by name, however the policy was made`() throws {
        let conditions = (UInt32(0)..<6).map { ArgumentCondition(argument: $0, test: .low32Mixed) }
        let rule = SystemCallRule(
            calls: [SystemCallTable.calls[0]],
            conditions: conditions,
            answer: .notPermitted
        )
        let failure = #expect(throws: SeccompFailure.self) {
            try SeccompFilter.narrower(Self.policy("endless", [rule]))
        }
        #expect(failure?.policy == "endless" && failure?.step == "rules of read")
        let values = (UInt64(0)..<64).map(\.self)
        let many = SystemCallRule(
            calls: Array(SystemCallTable.calls.prefix(9)),
            conditions: [ArgumentCondition(argument: 0, test: .low32(in: values))],
            answer: .notPermitted
        )
        let slow = #expect(throws: SeccompFailure.self) {
            try SeccompFilter.narrower(Self.policy("slow", [many]))
        }
        #expect(slow?.policy == "slow" && slow?.step == "rules of lseek")
    }
}
