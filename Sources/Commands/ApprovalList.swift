internal import ArgumentParser
internal import Audit
internal import Client
internal import Foundation
internal import Model
internal import Supervisor

/// `bailey approvals list`: what waits for an answer.
struct ApprovalList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show what waits for an answer (the default).",
        discussion: """
            Requests that one agent makes by one rule are one line, with how many more there are; --json has all of them.

            EXAMPLES
              bailey approvals
              bailey approvals list --watch
              bailey approvals list --json | jq -r .id
              bailey approvals list --fleet
            """
    )

    @Flag(help: "One JSON object a request.") var json = false
    @Flag(help: "Show it anew each second, until it is interrupted.") var watch = false
    @OptionGroup var place: ApproverSocketOption

    func validate() throws {
        guard !json || !watch else { throw ValidationError("--json and --watch exclude each other") }
    }

    func run() throws {
        try Outside.require("approvals")
        guard watch else { return try show() }
        var watched = WatchedScreen()
        let number = watched.follow {
            let answer = RunningSupervisors.held(at: place.place)
            return HeldText.table(answer, place.place) + answer.silent.map { "bailey: " + $0 }
        }
        throw ExitCode(128 + number)
    }

    private func show() throws {
        let answer = RunningSupervisors.held(at: place.place)
        defer { for silent in answer.silent { RunCommand.complain(silent) } }
        if json {
            for held in answer.value { print(try HeldLine(held).json()) }
        } else {
            for line in HeldText.table(answer, place.place) { print(line) }
        }
        if !answer.silent.isEmpty { throw ExitCode(1) }
    }
}

/// `bailey approvals show`: one request, in full.
struct ApprovalShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one request with all that an answer is bound to.",
        discussion: """
            Of a launch the whole command, folders and variables; of a body how it begins, and its digest.

            Exits 1 when no such request waits.

            EXAMPLES
              bailey approvals show 1f2e3d4c5b6a-1
            """
    )

    @Argument(help: "The request's id, RUN-N, as `bailey approvals` shows it.") var id: String
    @Flag(help: "A JSON object.") var json = false
    @OptionGroup var place: ApproverSocketOption

    func run() throws {
        try Outside.require("approvals")
        let answer = RunningSupervisors.held(at: place.place)
        for silent in answer.silent { RunCommand.complain(silent) }
        // Where the one that knows said nothing, nobody knows what waits.
        if place.place.isOne, !answer.silent.isEmpty { throw ExitCode(1) }
        guard let held = try answer.value.first(where: { $0.id.isSame(as: id) }).flatMap({ try whole($0) })
        else {
            RunCommand.complain(
                "nothing that waits is called \(TerminalText.escaped(id)); `bailey approvals\(place.fleet ? " --fleet" : "")` shows what does"
            )
            throw ExitCode(1)
        }
        if json { print(try HeldLine(held).json()) } else { for line in HeldText.whole(held) { print(line) } }
    }
}

extension ApprovalShow {
    /// With all of a launch, which a list cuts; nil where it waits no more.
    private func whole(_ held: HeldSummary) throws -> HeldSummary? {
        guard held.isLaunch else { return held }
        let answer = RunningSupervisors.whole(id, at: place.place)
        guard let whole = answer.value else {
            for silent in answer.silent { RunCommand.complain(silent) }
            return nil
        }
        var held = held
        (held.command, held.details) = (whole.command, whole.details)
        return held
    }
}

/// A request that waits, for people: whatever an agent had a say in steers no terminal.
enum HeldText {
    /// Octets of a request's line in the table.
    private static let longest = 100

    /// Of a supervisor that was not heard nobody knows what waits there.
    static func table(
        _ answer: RunningSupervisors.Answer<[HeldSummary]>,
        _ place: ApprovalPlace
    ) -> [String] {
        let held = answer.value
        guard !held.isEmpty else {
            if answer.silent.isEmpty { return ["nothing waits for an approval"] }
            return place.isOne ? [] : ["nothing waits for an approval, of those that answer"]
        }
        var groups: [(first: HeldSummary, more: Int)] = []
        for one in held {
            if let place = groups.firstIndex(where: {
                $0.first.agent == one.agent && $0.first.rules == one.rules
                    && $0.first.machine == one.machine
            }) {
                groups[place].more += 1
            } else {
                groups.append((one, 0))
            }
        }
        return groups.flatMap { first, more -> [String] in
            var lines = [
                "\(TerminalText.escaped(first.id))  \(time(first.waited)) waited, \(time(first.left)) left  "
                    + (first.machine.map { "on \(TerminalText.escaped($0)): " } ?? "")
                    + TerminalText.escaped(Lineage.text(of: [first.principal] + first.lineage)),
                "    " + shortened(request(first)),
                "    asked by " + TerminalText.escaped(first.rules.joined(separator: ", "))
                    + (first.approvedBy.isEmpty
                        ? ""
                        : "; approved by " + TerminalText.escaped(first.approvedBy.joined(separator: ", "))),
            ]
            lines += first.told.filter { !$0.ends(with: ": told") }.map { "    " + TerminalText.escaped($0) }
            if more > 0, let rule = first.rules.first {
                let all = "; to refuse all: bailey approvals deny --all-of \(TerminalText.quoted(rule))"
                lines.append("    \(more) more like it" + (first.machine == nil ? all : ""))
            }
            return lines
        }
    }

    static func whole(_ held: HeldSummary) -> [String] {
        let machine = held.machine.map { [("machine", $0)] } ?? []
        let fields: [(String, String)] =
            [("id", held.id)] + machine + [
                ("principal", held.principal), ("agent", held.agent),
                ("lineage", Lineage.text(of: held.lineage)),
            ]
        var lines = (fields + (held.isLaunch ? [("launch", held.action)] : request(of: held))).map {
            line("\($0):", $1)
        }
        if held.isLaunch { lines += launch(of: held) }
        lines.append(line("digest:", held.digest))
        lines += held.demands.map { "asked by:    " + TerminalText.escaped($0) }
        lines.append("good for:    \(TerminalText.escaped(held.life)) at most")
        lines.append(
            "waiting:     \(time(held.waited)), \(time(held.left)) left; \(held.waiting) client\(held.waiting == 1 ? "" : "s") now"
        )
        if !held.approvedBy.isEmpty {
            lines.append("approved by: " + TerminalText.escaped(held.approvedBy.joined(separator: ", ")))
        }
        lines += held.told.map { "told:        " + TerminalText.escaped($0) }
        if held.octets > 0, !held.isLaunch {
            lines.append("body begins:")
            lines += held.preview.cut(at: "\n", omittingEmptySubsequences: false).map {
                "    " + TerminalText.escaped(String($0))
            }
        }
        return lines
    }

    private static func request(of held: HeldSummary) -> [(String, String)] {
        [
            ("request", "\(held.action) \(held.resource)"),
            ("query", held.query ?? "none"),
            ("body", held.octets == 0 ? "none" : "\(held.octets) octets\(held.type.map { ", \($0)" } ?? "")"),
            ("body sha256", held.content),
        ]
    }

    /// Of an agent's own words none is shown but escaped.
    private static func launch(of held: HeldSummary) -> [String] {
        [
            "command:     " + command(held),
            "command is:  \(held.octets) octets, sha256 \(TerminalText.escaped(held.content))",
        ]
            + held.details.map { detail in
                let end = detail.firstPlace(of: ":").map { detail.unicodeScalars.index(after: $0) }
                return line(
                    String(detail[..<(end ?? detail.endIndex)]),
                    String(detail[(end ?? detail.endIndex)...].dropFirst())
                )
            }
    }

    private static func line(_ name: String, _ value: String) -> String {
        let name = TerminalText.escaped(name)
        return name + String(repeating: " ", count: max(1, 13 - name.utf8.count))
            + TerminalText.escaped(value)
    }

    private static func command(_ held: HeldSummary) -> String {
        held.command.map(TerminalText.quoted).joined(separator: " ")
    }

    private static func request(_ held: HeldSummary) -> String {
        if held.isLaunch {
            return TerminalText.escaped("\(held.action) in \(held.resource)") + ": " + command(held)
        }
        return TerminalText.escaped("\(held.action)\(held.query.map { "?\($0)" } ?? "") \(held.resource)")
            + (held.octets > 0 ? ", \(held.octets) octets" : "")
    }

    private static func shortened(_ text: String) -> String {
        text.utf8.count > longest ? String(decoding: text.utf8.prefix(longest), as: UTF8.self) + "…" : text
    }

    private static func time(_ milliseconds: UInt64) -> String { "\(milliseconds / 1_000)s" }
}

extension HeldSummary {
    fileprivate var isLaunch: Bool { kind == "launch" }
}

/// `bailey approvals list --json`: one request or launch.
extension HeldLine: JSONLine {}
