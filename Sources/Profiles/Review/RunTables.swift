internal import Model

extension ProfileReview {
    /// `bailey profile test [DIR]`: runs the tables in `DIR/tests` against the profiles in `DIR`, which extend what
    /// `bailey run --profiles DIR` would find.
    ///
    /// Variables stand for fixed folders, so that a table says the same on every machine.
    package static func test(folder: String?, asJSON: Bool) -> ReviewOutcome {
        guard let folder = folder ?? (TextFile.exists("profiles/tests") ? "profiles" : ProfileSearch.shipped)
        else {
            return ReviewOutcome(ProfileError(file: "profiles", "no folder of profiles; name one"))
        }
        let files = TextFile.list("\(folder)/tests").filter { $0.ends(with: ".yaml") }.map {
            "\(folder)/tests/\($0)"
        }
        guard !files.isEmpty else {
            return ReviewOutcome(
                ProfileError(file: "\(folder)/tests", "there are no decision tables (*.yaml)")
            )
        }
        let variables = ProfileVariables(workspace: "/workspace", home: "/home/agent", temporary: "/tmp")
        let search = ProfileSearch(
            explicit: folder,
            configurationHome: environment("XDG_CONFIG_HOME"),
            home: environment("HOME")
        )
        let loader = ProfileLoader(search: search, variables: variables)
        var run = TableRun()
        for file in files { run.add(file, loader) }
        return run.outcome(asJSON: asJSON)
    }
}

/// The tables that ran so far.
private struct TableRun {
    private var passed = 0
    private var failures: [String] = []
    private var errors: [Diagnostic] = []

    mutating func add(_ file: String, _ loader: ProfileLoader) {
        do {
            let table = try DecisionTable(ProfileLoader.read(file), file: file)
            for row in table.cases {
                if let failure = try row.failure(loader) {
                    failures.append("\(file):\(row.position.line): \(failure)")
                } else {
                    passed += 1
                }
            }
        } catch {
            errors += error.diagnostics
        }
    }

    func outcome(asJSON: Bool) -> ReviewOutcome {
        let negative = failures.isEmpty ? ReviewOutcome.success : ReviewOutcome.negative
        let exitCode = errors.isEmpty ? negative : ReviewOutcome.badInput
        let complaints = errors.map(\.description) + failures
        guard !asJSON else {
            let report = JSONText.object([
                ("passed", .number(passed)), ("failed", .number(failures.count)),
                ("failures", .texts(failures)), ("errors", .texts(errors.map(\.description))),
            ])
            return ReviewOutcome(output: report.printed + "\n", exitCode: exitCode)
        }
        return ReviewOutcome(
            output: "\(passed) passed, \(failures.count) failed\n",
            complaints: complaints.map { "\($0)\n" }.joined(),
            exitCode: exitCode
        )
    }
}
