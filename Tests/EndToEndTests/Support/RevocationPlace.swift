import Foundation
import TestSupport

/// A record of a revocation as `bailey audit --json` shows it.
struct RevocationLine: Decodable {
    struct Details: Decodable {
        let agents: Int
        let isLifted: Bool
        let keptRunning: Bool
        let principal: String
        let reason: String?
    }

    let agent: String?
    let lineage: String
    let kind: String
    let record: Details
}

extension Place {
    /// The revocations on record.
    func revocations() throws -> [RevocationLine] {
        try bailey(["audit", "--json"]).lines.compactMap {
            try? JSONDecoder().decode(RevocationLine.self, from: Data($0.utf8))
        }.filter { $0.kind == "revocation" }
    }

    /// The ids of agents that live now, by their names.
    func living() throws -> [String: String] {
        struct Line: Decodable {
            let agent: String
            let name: String
        }
        let lines = try bailey(["ps", "--json"]).lines.map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
        return Dictionary(lines.map { ($0.name, $0.agent) }) { first, _ in first }
    }

    /// Waits, with a bound, until something holds.
    func awaits(_ what: () throws -> Bool, within seconds: Double = 120) rethrows -> Bool {
        let end = Date(timeIntervalSinceNow: seconds)
        while Date() < end {
            if try what() { return true }
            Thread.sleep(forTimeInterval: 0.05)
        }
        return try what()
    }

    /// Waits, with a bound, for files of the workspace.
    func awaits(files names: [String], within seconds: Double = 120) -> Bool {
        awaits(
            { names.allSatisfy { FileManager.default.fileExists(atPath: workspace + "/" + $0) } },
            within: seconds
        )
    }

    /// Profiles `a` to `d`, each launched by the one before; all with these rules.
    func lineageProfiles(egress: String) throws {
        for (name, below) in [("a", "b, c, d"), ("b", "c, d"), ("c", "d"), ("d", "")] {
            let depth = below.split(separator: ",").count
            let children = depth > 0 ? "children: {profiles: [\(below)], depth: \(depth), count: 40}\n" : ""
            try profile(name, "extends: [base]\n\(children)egress:\n\(egress)")
        }
    }
}
