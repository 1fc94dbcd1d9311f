import Foundation
import TestSupport

/// One copied folder as `bailey changes --json` prints it.
struct CopiedFolder: Decodable {
    struct Item: Decodable {
        let path: String
        let bytes: String?
        let change: String
        let type: String?
        let mode: String?
        let hostMode: String?
        let problems: [String]
    }

    let agent: String
    let profile: String
    let running: Bool
    let folder: String
    let changes: [Item]

    /// `added a`, in the order of paths.
    var kinds: [String] { changes.map { "\($0.change) \($0.path)" } }
    var problems: [String] { changes.flatMap { item in item.problems.map { "\(item.path): \($0)" } } }
    var run: String { String(agent.prefix { $0 != "." }) }
}

extension Place {
    /// A profile `copying` whose agents have a copy of the workspace.
    func copying(_ more: String = "") throws {
        try profile("copying", "files: {copy: [$WORKSPACE]}\n" + more)
    }

    func copies(_ words: [String] = []) throws -> [CopiedFolder] {
        try bailey(["changes", "--json"] + words).lines.map {
            try JSONDecoder().decode(CopiedFolder.self, from: Data($0.utf8))
        }
    }

    /// Where the layer of a copy is on the host.
    func layer(of copy: CopiedFolder) -> String {
        "\(root)/state/bailey/copies/\(copy.agent.replacing(".", with: "/"))/0/upper"
    }

    /// What the host has in the workspace: names, kinds, permissions, sizes and links' targets.
    func hostState() throws -> String {
        try Command.run(
            ["find", ".", "-mindepth", "1", "-printf", "%p %y %m %s %T@ %l\\n"],
            environment: ["PATH": "/usr/bin:/bin"],
            directory: workspace
        ).lines.sorted().joined(separator: "\n")
    }

    /// The workspace that these tests change.
    func fill() throws {
        for (path, text) in [
            ("a", "one\n"), ("b", "two\n"), ("script", "#!/bin/sh\n"), ("gone/g", "g\n"), ("d/x", "x\n"),
            ("d/e/y", "y\n"),
        ] {
            try write(text, to: "workspace/" + path)
        }
        try FileManager.default.createSymbolicLink(atPath: workspace + "/l", withDestinationPath: "a")
        if starter == .plainUser { lchown(workspace + "/l", Starter.plainUserID, Starter.plainUserID) }
    }
}
