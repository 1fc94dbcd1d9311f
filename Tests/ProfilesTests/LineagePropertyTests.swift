import Model
import Policy
import Profiles
import TestSupport
import Testing

/// Whatever a random child may do, its random parent may do: 10,000 random lineages, held against an oracle that shares
/// nothing with the comparison (`RandomProfile`).
struct LineagePropertyTests {
    /// One agent: its profile as data, and as it was read and completed.
    private struct Level {
        let data: RandomProfile
        let profile: Profile
    }

    /// How often something was tried, so that nothing is shown by never trying it.
    private struct Counts {
        var lineages = 0
        var accepted = 0
        var refused = 0
        /// Refused, and something was found that the child may and the parent may not.
        var witnessed = 0
        /// By kind: what a child was permitted, and its ancestors were asked about.
        var tried: [String: Int] = [:]
    }

    private static let names = [
        "A", "AB", "ABC", "LC_ALL", "LC_X", "B", "A_TOKEN", "B_TOKEN", "A_SECRET", "PATH",
    ]
    private static let profiles = ["ci", "ct", "test", "tat", "tt", "other"]

    @Test(
        "G02: whatever a random child may do, its random parent may do, in 10,000 random lineages",
        arguments: 0..<10 as Range<UInt64>
    )
    func lineages(seed: UInt64) throws {
        var random = SplitMix(seed)
        var counts = Counts()
        while counts.lineages < 1_000 {
            var levels = [try Self.level(.root(&random), below: nil)]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                try Self.launch(below: &levels, &counts, &random)
            }
            guard levels.count > 1 else { continue }
            counts.lineages += 1
            try Self.checkRequests(of: levels, &counts, &random)
            Self.checkStanding(of: levels, &counts, &random)
        }
        // What the comparison refuses is mostly wider, and what it accepts mostly permits something.
        #expect(counts.accepted >= 1_000 && counts.refused > 500, "\(counts)")
        #expect(counts.witnessed * 10 > counts.refused * 6, "\(counts)")
        for kind in ["GET", "select", "read", "write", "env", "launch", "launch asked", "memory"] {
            #expect(counts.tried[kind, default: 0] > 500, "\(kind) of \(counts)")
        }
    }

    private static func level(_ data: RandomProfile, below parent: Level?) throws -> Level {
        let name = "p"
        var profile = try load(data.text(named: name), named: "\(name).yaml")
        if let parent { profile.complete(by: parent.profile) }
        return Level(data: data, profile: profile)
    }

    /// Launches a child where the comparison finds it no wider; else looks for what shows that it is.
    private static func launch(
        below levels: inout [Level],
        _ counts: inout Counts,
        _ random: inout SplitMix
    ) throws {
        guard let parent = levels.last else { return }
        let data = parent.data.child(&random)
        let child = try level(data, below: parent)
        guard excess(of: child.profile, over: parent.profile).isEmpty else {
            counts.refused += 1
            counts.witnessed += isWider(child, than: parent, &random) ? 1 : 0
            return
        }
        counts.accepted += 1
        levels.append(child)
    }

    // What leaves: each level's verdict by the oracle, and that of the whole lineage.

    private static func checkRequests(
        of levels: [Level],
        _ counts: inout Counts,
        _ random: inout SplitMix
    ) throws {
        guard let last = levels.last?.data else { return }
        let probes =
            (0..<4).map { _ in Probe.request(&random) } + [random.pick(Probe.statements)]
            + (0..<8).map { _ in Probe.request(for: last, &random) }
            + (0..<3).map { _ in Probe.statement(for: last, &random) }
        for probe in probes {
            guard let request = Self.requests[probe.text] ?? parsed(probe) else {
                Issue.record("\(probe.text) is not understood")
                continue
            }
            let said = levels.map { $0.data.verdict(on: probe) }
            let decided = try decide(levels.map(\.profile), request).effect
            let strictest = said.max { $0.rawValue < $1.rawValue }
            #expect(decided.rawValue == strictest.map { "\($0)" }, "\(probe.text): \(described(levels))")
            guard let child = said.last, child == .allow else { continue }
            counts.tried[probe.database == nil ? "GET" : "select", default: 0] += 1
            for ancestor in levels.dropLast() {
                #expect(ancestor.data.reaches(probe), "\(probe.text): \(described(levels))")
            }
        }
    }

    private static let requests: [String: Request] = Dictionary(
        uniqueKeysWithValues: Probe.statements.compactMap { probe in parsed(probe).map { (probe.text, $0) } }
    )

    private static func parsed(_ probe: Probe) -> Request? { try? RequestText.parseWhole(probe.text).0 }

    private static func described(_ levels: [Level]) -> String {
        levels.map { $0.data.text(named: "p") }.joined(separator: "\n")
    }

    // What an agent stands in: files, environment, limits, children.

    private static func checkStanding(of levels: [Level], _ counts: inout Counts, _ random: inout SplitMix) {
        for (parent, child) in zip(levels, levels.dropFirst()) {
            for (kind, what) in gains(of: child, over: parent, &counts.tried, &random) {
                Issue.record(
                    "\(kind) \(what) is the child's and not the parent's: \(described([parent, child]))"
                )
            }
        }
    }

    /// What a child has that its parent has not, and how much of each kind it has.
    private static func gains(
        of child: Level,
        over parent: Level,
        _ tried: inout [String: Int],
        _ random: inout SplitMix
    ) -> [(String, String)] {
        var gains: [(String, String)] = []
        func note(_ kind: String, _ what: String, _ mine: Bool, _ theirs: Bool) {
            if mine { tried[kind, default: 0] += 1 }
            if mine, !theirs { gains.append((kind, what)) }
        }
        let (mine, theirs) = (child.data, parent.data)
        for path in paths(mine, &random) {
            note("read", path, mine.mayRead(path), theirs.mayRead(path))
            note("write", path, mine.mayWrite(path), theirs.hasWritable(path))
        }
        for name in names { note("env", name, mine.passes(name), theirs.hasVariable(name)) }
        for name in profiles {
            note("launch", name, mine.mayLaunch(name), theirs.mayLaunch(name))
            note("launch read", name, child.profile.children.permits(profile: name), mine.mayLaunch(name))
            note(
                "launch asked",
                name,
                !child.profile.children.asking(of: name).isEmpty,
                mine.asksAbout(launch: name)
            )
        }
        note("depth", "\(mine.depth)", true, mine.depth <= theirs.depth)
        note("count", "\(mine.count)", true, mine.count <= theirs.count)
        for (name, amount) in RandomProfile.units.keys.sorted().map({ ($0, Self.amount($0)) }) {
            let (has, had) = (amount(child.profile.limits), amount(parent.profile.limits))
            // No limit is more than any.
            note(name, "\(has ?? 0)", has != nil || had != nil, (has ?? .max) <= (had ?? .max))
        }
        return gains
    }

    private static func paths(_ profile: RandomProfile, _ random: inout SplitMix) -> [String] {
        let named = profile.files.values.joined().sorted()
        return named.flatMap { [$0, $0 + "/" + random.pick(["a", "ab", "x"]), $0 + "x"] } + [
            "/", "/usr/x", "/a/b",
        ]
    }

    private static func amount(_ name: String) -> (Limits) -> UInt64? {
        switch name {
        case "memory": \.memory
        case "processes": \.processes
        case "cpus": \.milliCPUs
        case "open-files": \.openFiles
        case "time": \.time
        default: \.disk
        }
    }

    /// Whether something shows that a child that was refused may do more.
    private static func isWider(_ child: Level, than parent: Level, _ random: inout SplitMix) -> Bool {
        var tried: [String: Int] = [:]
        // Its own, before what it leaves out became the parent's.
        if !gains(of: child, over: parent, &tried, &random).isEmpty { return true }
        let probes = (0..<60).map { _ in Probe.request(for: child.data, &random) } + Probe.statements
        return probes.contains { child.data.reaches($0) && !parent.data.reaches($0) }
    }
}
