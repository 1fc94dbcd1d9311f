internal import Policy

extension ProfileReview {
    /// `bailey profile check FILE…`: is each valid, and what in it is doubtful.
    package func check(_ references: [String], isStrict: Bool, asJSON: Bool) -> ReviewOutcome {
        var outcome = ReviewOutcome()
        var reports: [JSONText] = []
        for reference in references {
            do {
                let merged = try merged(reference)
                let lints = Linter(fragment: merged.fragment).lints
                reports.append(report(reference, errors: [], lints: lints))
                outcome.output +=
                    "\(reference): valid, profile \"\(merged.profile.name)\" \(merged.profile.digest)\n"
                outcome.complaints += lints.map { "\($0)\n" }.joined()
                if isStrict, !lints.isEmpty {
                    outcome.exitCode = max(outcome.exitCode, ReviewOutcome.negative)
                }
            } catch {
                reports.append(report(reference, errors: error.diagnostics, lints: []))
                outcome.complaints += "\(error)\n"
                outcome.exitCode = ReviewOutcome.badInput
            }
        }
        guard asJSON else { return outcome }
        return ReviewOutcome(output: JSONText.list(reports).printed + "\n", exitCode: outcome.exitCode)
    }

    private func report(_ reference: String, errors: [Diagnostic], lints: [Lint]) -> JSONText {
        .object([
            ("profile", .text(reference)),
            ("valid", .bool(errors.isEmpty)),
            ("errors", .list(errors.map(\.json))),
            (
                "lints",
                .list(lints.map { .object([("source", .text($0.source)), ("message", .text($0.message))]) })
            ),
        ])
    }
}

extension Diagnostic {
    fileprivate var json: JSONText {
        .object([
            ("file", .text(file)), ("line", .number(line)), ("column", .number(column)),
            ("message", .text(message)), ("suggestion", .optional(suggestion)),
        ])
    }
}
