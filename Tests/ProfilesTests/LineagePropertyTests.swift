import Model
import Policy
import Profiles
import TestSupport
import Testing

/// Whatever a random child may do, its random parent may do: 10,000 random lineages, each headed by somebody for whom some
/// rules are and others are not, held against an oracle that shares
/// nothing with the comparison (`RandomProfile`).
struct LineagePropertyTests {
    /// One agent: its profile as data, and as it was read and completed.
    private struct Level {
        /// With the rules that are for others.
        let data: RandomProfile
        /// With those alone that are for who heads the lineage.
        let seen: RandomProfile
        let profile: Profile
        /// For whoever may head it, as `bailey profile check` reads it.
        let general: Profile
    }

    /// How often something was tried, so that nothing is shown by never trying it.
    private struct Counts {
        var lineages = 0
        var accepted = 0
        var refused = 0
        /// Refused, and something was found that the child may and the parent may not.
        var witnessed = 0
        /// Found no wider without a word on who heads the lineage, some rules being for some alone.
        var general = 0
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
            let person = random.pick(RandomProfile.Person.all)
            var levels = [try Self.level(.root(&random), of: person, below: nil)]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                try Self.launch(below: &levels, of: person, &counts, &random)
            }
            guard levels.count > 1 else { continue }
            counts.lineages += 1
            try Self.checkRequests(of: levels, &counts, &random)
            Self.checkStanding(of: levels, &counts, &random)
        }
        // What the comparison refuses is mostly wider, and what it accepts mostly permits something.
        #expect(counts.accepted >= 1_000 && counts.refused > 500, "\(counts)")
        #expect(counts.witnessed * 10 > counts.refused * 6, "\(counts)")
        #expect(counts.general > 200, "\(counts)")
        let standing = ["read", "write", "env", "launch", "launch asked"] + RandomProfile.units.keys
        for kind in ["GET", "statement", "for"] + standing {
            #expect(counts.tried[kind, default: 0] > 500, "\(kind) of \(counts)")
        }
        for kind in RandomProfile.kinds where kind != "*" {
            #expect(counts.tried[kind, default: 0] > 50, "\(kind) of \(counts)")
        }
    }

    private static func level(
        _ data: RandomProfile,
        of person: RandomProfile.Person,
        below parent: Level?
    ) throws -> Level {
        let name = "p"
        let principal = try #require(person.principal)
        var general = try load(data.text(named: name), named: "\(name).yaml")
        var profile = general.applied(to: principal)
        if let parent {
            profile.complete(by: parent.profile)
            general.complete(by: parent.general)
        }
        return Level(data: data, seen: data.seen(by: person), profile: profile, general: general)
    }

    /// Launches a child where the comparison finds it no wider; else looks for what shows that it is.
    private static func launch(
        below levels: inout [Level],
        of person: RandomProfile.Person,
        _ counts: inout Counts,
        _ random: inout SplitMix
    ) throws {
        guard let parent = levels.last else { return }
        let data = parent.data.child(&random)
        let child = try level(data, of: person, below: parent)
        try checkGeneral(child, below: parent, &counts, &random)
        guard excess(of: child.profile, over: parent.profile).isEmpty else {
            counts.refused += 1
            counts.witnessed += isWider(child, than: parent, &random) ? 1 : 0
            return
        }
        counts.accepted += 1
        levels.append(child)
    }

    /// What is no wider whoever heads the lineage is no wider for any of them.
    private static func checkGeneral(
        _ child: Level,
        below parent: Level,
        _ counts: inout Counts,
        _ random: inout SplitMix
    ) throws {
        guard child.data.rules.contains(where: { $0.audience != nil }),
            excess(of: child.general, over: parent.general).isEmpty
        else { return }
        counts.general += 1
        for _ in 0..<4 {
            let person = random.pick(RandomProfile.Person.all)
            let principal = try #require(person.principal)
            let (mine, theirs) = (child.general.applied(to: principal), parent.general.applied(to: principal))
            #expect(excess(of: mine, over: theirs).isEmpty, "\(person): \(described([parent, child]))")
        }
    }

    // What leaves: each level's verdict by the oracle, and that of the whole lineage.

    private static func checkRequests(
        of levels: [Level],
        _ counts: inout Counts,
        _ random: inout SplitMix
    ) throws {
        guard let last = levels.last?.seen else { return }
        let probes =
            (0..<4).map { _ in Probe.request(&random) } + [random.pick(Probe.statements)]
            + (0..<8).map { _ in Probe.request(for: last, &random) }
            + (0..<4).map { _ in Probe.statement(for: last, &random) }
        for probe in probes {
            guard let request = Self.requests[probe.text] ?? parsed(probe) else {
                Issue.record("\(probe.text) is not understood")
                continue
            }
            let said = levels.map { $0.seen.verdict(on: probe) }
            let decided = try decide(levels.map(\.profile), request).effect
            let strictest = said.max { $0.rawValue < $1.rawValue }
            #expect(decided.rawValue == strictest.map { "\($0)" }, "\(probe.text): \(described(levels))")
            guard let child = said.last, child == .allow else { continue }
            counts.tried[probe.database == nil ? "GET" : "statement", default: 0] += 1
            if probe.database != nil { counts.tried[probe.method, default: 0] += 1 }
            if last.rules.contains(where: { $0.audience != nil && probe.isAt($0) }) {
                counts.tried["for", default: 0] += 1
            }
            for ancestor in levels.dropLast() {
                #expect(ancestor.seen.reaches(probe), "\(probe.text): \(described(levels))")
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
        let probes = (0..<60).map { _ in Probe.request(for: child.seen, &random) } + Probe.statements
        return probes.contains { child.seen.reaches($0) && !parent.seen.reaches($0) }
    }
}
