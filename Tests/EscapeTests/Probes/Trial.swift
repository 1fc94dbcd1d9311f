import Foundation
import Glibc
import TestSupport

/// One attack in one place: with what it needs around it, inside an agent or without one.
final class Trial {
    private let attack: Attack
    private let place: Place
    private let somebody: RunningCommand?
    private var known: [String: String]

    init(_ attack: Attack, for starter: Starter) throws {
        self.attack = attack
        place = try Place(for: starter)
        for (name, text) in ["secret": "canary4711", "private/x/y": "", "workspace/.git/config": "[core]\n"] {
            try place.write(text, to: name)
        }
        try place.write("", to: "workspace/.git/hooks/kept")
        for family in ["mount", "network", "process", "syscalls", "ipc", "resources", "terminal"]
        where attack.words.contains("./\(family) ") || attack.prepared?.contains(family) == true {
            try place.arm(with: attacker(family))
        }
        try place.write(
            "",
            to: "\(URL(filePath: place.binary).deletingLastPathComponent().lastPathComponent)/x"
        )
        let program = try Attacker.compiled(attacker("bystander"))
        let sockets = ["\(place.root)/sock", "\(place.root)/run/sock", "\(place.home)/sock"]
        known = [
            "root": place.root, "home": place.home, "shifted": shifted(sockets[0]),
            "place": String(place.root.dropFirst("/tmp/".count)),
            "bystander": program,
            "kept": Self.foldersOfTemporary([place.root, place.binary, program]),
            "installed": URL(filePath: place.binary).deletingLastPathComponent().lastPathComponent,
        ]
        guard attack.bystander else {
            somebody = nil
            return
        }
        somebody = try RunningCommand([known["bystander"] ?? ""] + sockets, environment: [:], directory: "/")
        guard let somebody, somebody.awaitOutput("up\n") else { throw Unprepared(what: "the bystander") }
        for line in somebody.outputSoFar.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            if words.count == 2 { known[words[0]] = words[1] }
        }
    }

    /// What a trial could not set up.
    private struct Unprepared: Error, CustomStringConvertible {
        let what: String
        var description: String { "not prepared: \(what)" }
    }

    /// Ends the bystander; what it has said until then.
    func finish() -> String {
        somebody?.finish().output ?? ""
    }

    private func told(_ text: String, _ more: [String: String]) -> String {
        known.merging(more) { $1 }.reduce(text) { $0.replacing("{\($1.key)}", with: $1.value) }
    }

    /// The probe inside an agent.
    func attacked(at standing: Standing) throws -> Outcome {
        let words = told(attack.words, ["all": "all", "init": "1"])
        return try run(
            place.command(["sh", "-c", words], at: standing, body: told(attack.body, [:]))
        )
    }

    /// The probe without a sandbox.
    func uncontained() throws -> Outcome {
        let words = told(attack.words, ["all": "", "init": "$victim"])
        let prefix = place.starter.prefix
        guard case .namespaces(let setUp) = attack.control else {
            if case .plain(let setUp, _) = attack.control, !setUp.isEmpty {
                return try run(prefix + ["sh", "-c", "\(told(setUp, [:]))\n\(words)"])
            }
            return try run(prefix + ["sh", "-c", words])
        }
        let script = "{ \(told(setUp, [:])); } >&2 || exit 9\nexec \(words)"
        return try run(prefix + ["unshare", "-Urmpfniu", "--mount-proc", "sh", "-c", script])
    }

    private func run(_ argv: [String]) throws -> Outcome {
        try asRoot(attack.prepared)
        guard let host = attack.host else { return try run(argv, in: place.workspace) }
        let script = "set -e\n\(told(host, [:]))\nset +e\n\"$@\" 8>&-"
        let wrapped = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh"]
        return try run(wrapped + argv, in: place.workspace)
    }

    private func run(_ argv: [String], in directory: String) throws -> Outcome {
        try Command.run(argv, environment: place.environment, directory: directory)
    }

    private func asRoot(_ script: String?) throws {
        guard let script else { return }
        let outcome = try run(["sh", "-ec", told(script, [:])], in: place.workspace)
        guard outcome.code == 0 else { throw Unprepared(what: "\(script)\n\(outcome)") }
    }
}

extension Trial {
    /// The folders of `/tmp` that these paths lie in, as words of a shell.
    private static func foldersOfTemporary(_ paths: [String]) -> String {
        var names: Set<String> = []
        for path in paths {
            let parts = path.split(separator: "/").map(String.init)
            if parts.count > 1, parts[0] == "tmp" { names.insert(parts[1]) }
        }
        return names.sorted().joined(separator: " ")
    }

    /// Shell text for a mount namespace: `/run` and `/tmp` hold what a session's would, and somebody listens there.
    static func session(serving paths: String) -> String {
        """
        mount -t tmpfs -o mode=755 none /run
        mount -t tmpfs -o mode=1777 none /mnt
        for folder in {kept}; do mkdir "/mnt/$folder"; mount --rbind "/tmp/$folder" "/mnt/$folder"; done
        mount --move /mnt /tmp
        for path in \(paths); do case $path in /*) mkdir -p "${path%/*}" ;; esac; done
        mkfifo {root}/hold
        "{bystander}" \(paths) <{root}/hold >{root}/heard 2>&1 &
        exec 8>{root}/hold
        for wait in $(seq 1000); do grep -qx up {root}/heard && break; sleep 0.01; done
        """
    }
}
