import Model
import Policy
import TestSupport
import Testing

/// What a child may, its parent may: told of random profiles by random requests.
enum Attenuation {
    static func compare(
        _ seed: UInt64,
        children: [Int],
        _ action: (inout SplitMix) -> String,
        _ request: (inout SplitMix) throws -> Request
    ) throws {
        var random = SplitMix(seed)
        var compared = 0
        for _ in 0..<1_500 {
            let count = random.pick(children)
            let child = try ConditionTests.profile("c", allow: (0..<count).map { _ in action(&random) })
            let parent = try ConditionTests.profile("p", allow: (0..<3).map { _ in action(&random) })
            guard excess(of: child, over: parent).isEmpty else { continue }
            for _ in 0..<30 {
                let request = try request(&random)
                guard try ConditionTests.decide([child], request) == "allow" else { continue }
                compared += 1
                #expect(
                    try ConditionTests.decide([parent], request) == "allow",
                    "\(request) \(child) \(parent)"
                )
            }
        }
        #expect(compared > 200, "the comparison compares something")
    }
}

extension SplitMix {
    mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &self)]
    }
}
