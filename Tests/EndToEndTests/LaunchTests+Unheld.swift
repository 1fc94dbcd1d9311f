import Foundation
import Glibc
import TestSupport
import Testing

/// Limits where no control group can be written, as it is for a plain user here.
extension EndToEnd.LaunchTests {
    private static let needsRoot: Comment = "needs root, which can be a user without a control group"

    private struct Spawn: Decodable {
        let kind: String
        let record: Record

        struct Record: Decodable {
            let limits: [String: String]
            let degraded: [String]
        }
    }

    /// The last launch on record.
    private func recorded(_ place: Place) throws -> Spawn.Record {
        let lines = try place.bailey(["audit", "--json"]).lines.filter { $0.contains("\"kind\":\"spawn\"") }
        let last = try #require(lines.last)
        return try JSONDecoder().decode(Spawn.self, from: Data(last.utf8)).record
    }

    private static let closest = "rlimit of each process (RLIMIT_DATA)"

    @Test(
        "C08, G26: a limit that no control group holds stops the launch by name, unless that is accepted by name",
        .enabled(if: getuid() == 0, needsRoot),
        arguments: ["cpus: 0.5", "memory: 1GiB"]
    )
    func unheldLimit(limit: String) throws {
        let place = try Place(for: .plainUser)
        let name = String(limit.prefix { $0 != ":" })
        try place.profile("strict", "extends: [base]\nlimits: {\(limit)}\n")
        let refused = try place.agent("touch ran", profile: "strict")
        #expect(refused.code == 125 && refused.errors.contains("hold a limit (\(name)"), "\(refused)")
        #expect(refused.errors.contains("systemd-run --user --scope -p Delegate=yes"))
        #expect(refused.errors.contains("--allow-degraded cgroups"))
        #expect(place.read("workspace/ran") == nil)
        for accepted in ["cgroups", "landlock,cgroups"] {
            let words = ["run", "-p", "strict", "--profiles", place.profiles, "--allow-degraded", accepted]
            let outcome = try place.bailey(words + ["--", "touch", "ran"])
            #expect(outcome.code == 0 && place.read("workspace/ran") != nil, "\(outcome)")
            let warning = "bailey: warning: no control group holds limits.\(name) "
            #expect(outcome.errors.components(separatedBy: warning).count == 2, "\(outcome)")
            #expect(try recorded(place).degraded.contains("cgroups"))
            try FileManager.default.removeItem(atPath: place.workspace + "/ran")
        }
        let held = try recorded(place).limits[name]
        #expect(held == (name == "cpus" ? "not held" : Self.closest))
    }

    @Test(
        "--allow-degraded cpus accepts that limit and no other",
        .enabled(if: getuid() == 0, needsRoot)
    )
    func unheldProcessor() throws {
        let place = try Place(for: .plainUser)
        for (limits, code) in [("cpus: 0.5", Int32(0)), ("cpus: 0.5, memory: 1GiB", 125)] {
            try place.profile("strict", "extends: [base]\nlimits: {\(limits)}\n")
            let words = ["run", "-p", "strict", "--profiles", place.profiles, "--allow-degraded", "cpus"]
            let outcome = try place.bailey(words + ["--", "true"])
            #expect(outcome.code == code, "\(outcome)")
        }
        #expect(try recorded(place).degraded.contains("cpus"))
    }

    @Test(
        "enforced: best-effort goes on with what comes closest, on record and without a word",
        .enabled(if: getuid() == 0, needsRoot)
    )
    func bestEffort() throws {
        let place = try Place(for: .plainUser)
        try place.profile("lax", "extends: [base]\nlimits: {memory: 1GiB, cpus: 1, enforced: best-effort}\n")
        let outcome = try place.agent("ulimit -d", profile: "lax")
        #expect(outcome.code == 0 && outcome.lines == ["1048576"], "\(outcome)")
        #expect(!outcome.errors.contains("warning"), "\(outcome)")
        let record = try recorded(place)
        #expect(record.degraded.contains("cgroups"))
        #expect(record.limits["memory"] == Self.closest && record.limits["cpus"] == "not held")
        // A profile that is laid on top of it may say otherwise.
        try place.profile("strict", "extends: [lax]\nlimits: {enforced: always}\n")
        #expect(try place.agent("true", profile: "strict").code == 125)
    }

    @Test("The shipped profiles launch wherever agents run at all", arguments: Starter.possible)
    func shippedLaunch(starter: Starter) throws {
        let place = try Place(for: starter)
        for profile in ["base", "ci", "llm-tool", "offline", "test-runner"] {
            let outcome = try place.bailey(["run", "-p", profile, "--", "true"])
            #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(profile): \(outcome)")
            let record = try recorded(place)
            let isHeld = record.limits["memory"]?.contains("cgroup") ?? true
            #expect(record.degraded.contains("cgroups") != isHeld, "\(profile): \(record)")
        }
    }

    @Test(
        "What is on record and what doctor says name the same mechanism for each limit",
        arguments: Starter.possible
    )
    func named(starter: Starter) throws {
        let place = try Place(for: starter)
        try place.profile(
            "all",
            "extends: [base]\nlimits: {memory: 1GiB, cpus: 1, processes: 99, enforced: best-effort}\n"
        )
        #expect(try place.agent("true", profile: "all").code == 0)
        let doctor = try place.bailey(["doctor"]).lines
        for (limit, mechanism) in try recorded(place).limits {
            guard let line = doctor.first(where: { $0.contains("cgroup-\(limit): ") }) else { continue }
            #expect(line.contains(mechanism), "\(line) against \(mechanism)")
        }
        #expect(try recorded(place).limits.count >= 4)
    }
}

extension EndToEnd.NestingTests {
    @Test(
        "Whether a limit may be held by what comes closest is the parent's to say where the child's profile does not",
        .enabled(if: getuid() == 0, "needs root, which can be a user without a control group")
    )
    func bestEffortBelow() throws {
        let place = try Place(for: .plainUser)
        let children = "children: {profiles: [silent, strict], depth: 1, count: 2}"
        try place.profile(
            "lax",
            "extends: [base]\nlimits: {memory: 1GiB, enforced: best-effort}\n\(children)\n"
        )
        try place.profile("silent", "extends: [base]\nlimits: {memory: 512MiB}\n")
        try place.profile("strict", "extends: [silent]\nlimits: {enforced: always}\n")
        let script = "for p in silent strict; do bailey run -p $p -- true; echo $?; done"
        let outcome = try place.agent(script, profile: "lax")
        #expect(outcome.lines == ["0", "125"] && outcome.errors.contains("memory"), "\(outcome)")
    }
}
