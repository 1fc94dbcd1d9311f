internal import Model
internal import Policy

extension ProfileReview {
    /// `bailey profile check FILE…`: is each valid, and what in it is doubtful.
    package func check(_ references: [String], isStrict: Bool, asJSON: Bool) -> ReviewOutcome {
        var outcome = ReviewOutcome()
        var reports: [JSONText] = []
        for reference in references {
            if reference.ends(with: Self.policySuffix) {
                reports.append(checkPolicy(reference, &outcome))
                continue
            }
            do {
                let merged = try merged(reference)
                if let policy = merged.profile.systemCalls { try checkCompiles(policy, reference) }
                let lints = Linter(fragment: merged.fragment).lints + refusals(in: merged)
                let warnings = warnings(lints, in: merged)
                reports.append(report(reference, errors: [], warnings: warnings))
                outcome.output +=
                    "\(reference): valid, profile \"\(merged.profile.name)\" \(merged.profile.digest)\n"
                outcome.complaints += warnings.map { "\($0.warning)\n" }.joined()
                if isStrict, !warnings.isEmpty {
                    outcome.exitCode = max(outcome.exitCode, ReviewOutcome.negative)
                }
            } catch {
                reports.append(report(reference, errors: error.diagnostics, warnings: []))
                outcome.complaints += "\(error)\n"
                outcome.exitCode = ReviewOutcome.badInput
            }
        }
        guard asJSON else { return outcome }
        return ReviewOutcome(output: JSONText.list(reports).printed + "\n", exitCode: outcome.exitCode)
    }

    /// Lints as errors are told, each file's by their lines; the profile's own file first.
    private func warnings(_ lints: [Lint], in merged: MergedProfile) -> [Diagnostic] {
        var places: [String: Place] = [:]
        let warnings = lints.map { lint in
            let parts = lint.source.cut(at: ":")
            let line = parts.last.flatMap { Int($0) } ?? 1
            let short = parts.first.map(String.init) ?? lint.source
            let place = places[short] ?? Place(short, in: merged, loader)
            places[short] = place
            return Diagnostic(
                file: place.file,
                position: TextPosition(line: line, column: place.column(of: line)),
                message: lint.message
            )
        }
        return warnings.sorted { left, right in
            (left.file == merged.file ? "" : left.file, left.position)
                < (right.file == merged.file ? "" : right.file, right.position)
        }
    }

    /// Files of system call policies are JSON, profiles are not.
    private static let policySuffix = ".json"

    private func checkPolicy(_ file: String, _ outcome: inout ReviewOutcome) -> JSONText {
        do throws(ProfileError) {
            let policy = try SystemCallPolicies.load(file: file)
            try checkCompiles(policy, file)
            outcome.output += "\(file): valid, system call policy \"\(policy.name)\" \(policy.digest)\n"
            return report(file, errors: [], warnings: [])
        } catch {
            outcome.complaints += "\(error)\n"
            outcome.exitCode = ReviewOutcome.badInput
            return report(file, errors: error.diagnostics, warnings: [])
        }
    }

    /// What each rule by itself may be, all together need not fit a filter.
    private func checkCompiles(_ policy: SystemCallPolicy, _ file: String) throws(ProfileError) {
        if let problem = compile(policy) { throw ProfileError(file: file, problem) }
    }

    private func report(_ reference: String, errors: [Diagnostic], warnings: [Diagnostic]) -> JSONText {
        .object([
            ("profile", .text(reference)),
            ("valid", .bool(errors.isEmpty)),
            ("errors", .list(errors.map(\.json))),
            ("lints", .list(warnings.map(\.json))),
        ])
    }
}

/// A file that a lint points into.
private struct Place {
    let file: String
    private let lines: [Substring]

    /// `short` is the last part of the file's path: the profile's own, or that of one it extends.
    init(_ short: String, in merged: MergedProfile, _ loader: ProfileLoader) {
        let own = merged.file.cut(at: "/").last.map(String.init) ?? merged.file
        let name = short.ends(with: ".yaml") ? String(short.dropLast(bytes: 5)) : short
        file = own == short ? merged.file : loader.search.file(of: name) ?? short
        let text = (try? TextFile.read(file)) ?? ""
        lines = text.cut(at: "\n", omittingEmptySubsequences: false)
    }

    /// Where the line's text begins.
    func column(of line: Int) -> Int {
        guard lines.indices.contains(line - 1) else { return 1 }
        return lines[line - 1].prefix { $0 == " " }.count + 1
    }
}

extension Diagnostic {
    /// `ci.yaml:14:7: warning: …`.
    fileprivate var warning: String { "\(file):\(line):\(column): warning: \(message)" }

    fileprivate var json: JSONText {
        .object([
            ("file", .text(file)), ("line", .number(line)), ("column", .number(column)),
            ("message", .text(message)), ("suggestion", .optional(suggestion)),
        ])
    }
}
