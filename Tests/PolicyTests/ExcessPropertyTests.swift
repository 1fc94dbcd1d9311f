import Model
import Policy
import PolicySupport
import Testing

/// A generator with a fixed seed (SplitMix64), so that a failure can be run again.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

struct ExcessPropertyTests {
    private static let patterns = [
        "a.test", "x.a.test", "*.a.test", "**.a.test", "*.x.a.test", "**.test", "10.0.0.0/8", "10.1.0.0/16",
        "10.1.2.3",
        "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "169.254.169.254",
    ]
    private static let hosts = [
        "a.test", "x.a.test", "y.a.test", "y.x.a.test", "z.y.x.a.test", "b.test", "10.1.2.3", "10.1.9.9",
        "10.2.0.1",
        "93.184.216.34", "193.184.216.34", "169.254.169.254",
    ]
    private static let segments = ["a", "b", "*", "**", "a*", "*b"]
    private static let methods = ["GET", "POST", "*"]

    private static func profile(_ random: inout SeededGenerator, _ name: String) -> Profile {
        let rules = (0..<Int.random(in: 1...3, using: &random)).compactMap { _ in
            rule(
                pick(patterns, &random),
                port: Int.random(in: 0..<8, using: &random) == 0 ? 8443 : 443,
                allow: actions(&random, 0...3),
                ask: actions(&random, 0...1),
                deny: actions(&random, 0...1),
                credential: Int.random(in: 0..<4, using: &random) == 0 ? "github" : nil,
                isPrivate: Bool.random(using: &random)
            )
        }
        return Profile(name: name, egress: rules)
    }

    private static func actions(_ random: inout SeededGenerator, _ count: ClosedRange<Int>) -> [String] {
        (0..<Int.random(in: count, using: &random)).map { _ in
            let path = (0..<Int.random(in: 1...3, using: &random)).map { _ in "/" + pick(segments, &random) }
                .joined()
            return pick(methods, &random) + (Bool.random(using: &random) ? " " + path : "")
        }
    }

    private static func pick(_ texts: [String], _ random: inout SeededGenerator) -> String {
        texts[Int.random(in: 0..<texts.count, using: &random)]
    }

    private static func request(_ random: inout SeededGenerator) -> Request? {
        let path = (0..<Int.random(in: 1...4, using: &random)).map { _ in
            "/" + pick(["a", "b", "ab", "aab", "c"], &random)
        }
        return PolicyTests.request(
            pick(["GET", "POST", "PUT"], &random),
            pick(hosts, &random),
            path.joined() + (Int.random(in: 0..<5, using: &random) == 0 ? "/" : ""),
            port: Int.random(in: 0..<8, using: &random) == 0 ? 8443 : 443
        )
    }

    @Test(
        "G02: where a child's profile is no wider, whatever it permits its parent's reach permits",
        arguments: 0..<8
    )
    func noWiderMeansNoMore(seed: Int) throws {
        var random = SeededGenerator(state: UInt64(seed))
        var within = 0
        for _ in 0..<2000 {
            let parent = Self.profile(&random, "parent")
            let child = Self.profile(&random, "child")
            guard excess(of: child, over: parent).isEmpty else { continue }
            within += child.egress.contains { !$0.allow.isEmpty } ? 1 : 0
            for _ in 0..<60 {
                let request = try #require(Self.request(&random))
                let mine = try #require(decide(lineage(child), request))
                guard mine.effect == .allow else { continue }
                let theirs = try #require(decide(lineage(parent.reach, child), request))
                #expect(theirs.effect == .allow, "\(request) of \(child.egress) over \(parent.egress)")
                #expect(theirs.obligations == mine.obligations)
            }
        }
        // The property says nothing about profiles that are never within each other.
        #expect(within > 20)
    }

    @Test("G02: where a request shows that a child may do more, the child is found wider", arguments: 8..<12)
    func moreMeansWider(seed: Int) throws {
        var random = SeededGenerator(state: UInt64(seed))
        var shown = 0
        for _ in 0..<500 {
            let parent = Self.profile(&random, "parent")
            let child = Self.profile(&random, "child")
            for _ in 0..<40 {
                let request = try #require(Self.request(&random))
                guard decide(lineage(child), request)?.effect == .allow,
                    decide(lineage(parent.reach), request)?.effect != .allow
                else { continue }
                shown += 1
                #expect(!excess(of: child, over: parent).isEmpty)
                break
            }
        }
        #expect(shown > 50)
    }

    @Test("A profile is never wider than itself", arguments: 20..<24)
    func reflexive(seed: Int) {
        var random = SeededGenerator(state: UInt64(seed))
        for _ in 0..<200 {
            let profile = Self.profile(&random, "same")
            #expect(excess(of: profile, over: profile) == [])
        }
    }
}
