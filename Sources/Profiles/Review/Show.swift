internal import Model
internal import Policy

extension ProfileReview {
    /// `bailey profile show NAME`: the merged profile, each line with the place that said it.
    package func show(_ reference: String, asJSON: Bool) -> ReviewOutcome {
        do {
            let merged = try merged(reference)
            let lines = merged.lines
            guard !asJSON else { return ReviewOutcome(output: json(merged, lines).printed + "\n") }
            let width = min(lines.map(\.text.count).max() ?? 0, 80)
            let text = lines.map { line in
                guard let source = line.source else { return line.text }
                return line.text + String(repeating: " ", count: max(0, width - line.text.count))
                    + "  # \(source)"
            }
            return ReviewOutcome(output: text.joined(separator: "\n") + "\n")
        } catch {
            return ReviewOutcome(error)
        }
    }

    private func json(_ merged: MergedProfile, _ lines: [MergedProfile.Line]) -> JSONText {
        .object([
            ("name", .text(merged.profile.name)), ("file", .text(merged.file)),
            ("digest", .text(merged.profile.digest)), ("extends", .texts(merged.extends)),
            (
                "lines",
                .list(lines.map { .object([("text", .text($0.text)), ("source", .optional($0.source))]) })
            ),
        ])
    }
}

extension MergedProfile {
    /// One line of the merged profile in the format's own spelling.
    struct Line {
        let text: String
        let source: String?
    }

    fileprivate var lines: [Line] {
        [
            Line(text: "bailey: \(ProfileParser.version)", source: nil),
            Line(text: "name: \(profile.name)", source: file),
            Line(text: "# digest: \(profile.digest)", source: nil),
        ] + principals + files + environment + limits + systemCalls + landlock + egress + children
            + recording
    }

    /// Demands of several files stand one behind the other.
    private var principals: [Line] {
        fragment.principals.map { Line(text: "principals: {\(words(of: $0))}", source: $0.source) }
            + (fragment.onExpiry.map {
                [Line(text: "principals: {on-expiry: \($0.value.rawValue)}", source: $0.source)]
            }
                ?? [])
    }

    /// As a profile has it.
    private func words(of principals: PrincipalPattern) -> String {
        var (words, claims) = ([String](), [String]())
        for part in principals.parts {
            let globs = "[\(part.globs.map(quoted).joined(separator: ", "))]"
            if case .claim(let name) = part.key {
                claims.append("\(quoted(name)): \(globs)")
            } else {
                words.append("\(part.key.text): \(globs)")
            }
        }
        if !claims.isEmpty { words.append("claims: {\(claims.joined(separator: ", "))}") }
        return words.joined(separator: ", ")
    }

    private var files: [Line] {
        let lists = [
            ("read", fragment.read), ("write", fragment.write), ("copy", fragment.copy),
            ("hide", fragment.hide),
            ("protect", fragment.protect.map { Sourced(value: $0.value.text, source: $0.source) }),
        ]
        return section("files", lists.flatMap { list($0.0, $0.1) })
    }

    private var environment: [Line] {
        let values = fragment.set.sorted { $0.key < $1.key }
            .map { Line(text: "    \($0.key): \(quoted($0.value.value))", source: $0.value.source) }
        return section(
            "env",
            list("pass", fragment.pass) + (values.isEmpty ? [] : [Line(text: "  set:", source: nil)] + values)
        )
    }

    private var limits: [Line] {
        section(
            "limits",
            LimitName.allCases.compactMap { name in
                fragment.limits[name].map {
                    Line(text: "  \(name.rawValue): \($0.value.text)", source: $0.source)
                }
            }
                + [fragment.enforcement].compactMap(\.self).map {
                    Line(text: "  \(Enforcement.key): \($0.value.rawValue)", source: $0.source)
                }
        )
    }

    private var systemCalls: [Line] {
        fragment.systemCalls.map { [Line(text: "syscalls: \($0.value.name)", source: $0.source)] } ?? []
    }

    private var landlock: [Line] {
        fragment.landlock.map { [Line(text: "landlock: \($0.value)", source: $0.source)] } ?? []
    }

    private var egress: [Line] {
        section(
            "egress",
            fragment.egress.flatMap { rule -> [Line] in
                var lines = [Line(text: "  - to: \(rule.place)", source: rule.source)]
                for (key, actions) in [("allow", rule.allow), ("ask", rule.ask), ("deny", rule.deny)]
                where !actions.isEmpty {
                    lines.append(Line(text: "    \(key):", source: nil))
                    lines += actions.map { Line(text: "      - \(quoted($0.text))", source: $0.source) }
                }
                if rule.approval != ApprovalTerms() {
                    lines.append(Line(text: "    approval: {\(rule.approval)}", source: rule.source))
                }
                if rule.privateAddresses {
                    lines.append(Line(text: "    private: true", source: rule.source))
                }
                if let name = rule.credential {
                    lines.append(Line(text: "    credential: \(name)", source: rule.source))
                }
                let masks = rule.masks.words + (rule.database?.maskWords ?? []).map(quoted)
                for (key, words) in [("mask", masks), ("send", rule.sends.words)] where !words.isEmpty {
                    lines.append(
                        Line(text: "    \(key): [\(words.joined(separator: ", "))]", source: rule.source)
                    )
                }
                if let principals = rule.principals {
                    lines.append(Line(text: "    for: {\(words(of: principals))}", source: rule.source))
                }
                for (key, value) in rule.database?.words ?? [] {
                    lines.append(Line(text: "    \(key): \(value)", source: rule.source))
                }
                return lines
            }
        )
    }

    private var children: [Line] {
        section(
            "children",
            list("profiles", fragment.childProfiles) + asked(first: true)
                + [fragment.depth.map { Line(text: "  depth: \($0.value)", source: $0.source) }].compactMap(
                    \.self
                )
                + [fragment.count.map { Line(text: "  count: \($0.value)", source: $0.source) }].compactMap(
                    \.self
                )
        ) + asked(first: false)
    }

    /// What is asked about: of several files each with its own terms, one section behind the other.
    private func asked(first isFirst: Bool) -> [Line] {
        var groups: [[AskedChild]] = []
        for one in fragment.childAsks {
            if let place = groups.firstIndex(where: { $0.first?.terms == one.terms }) {
                groups[place].append(one)
            } else {
                groups.append([one])
            }
        }
        let lines = groups.map { group -> [Line] in
            let terms = group.first?.terms ?? ApprovalTerms()
            return list("ask", group.map { Sourced(value: $0.glob, source: $0.source) })
                + (terms == ApprovalTerms()
                    ? [] : [Line(text: "  approval: {\(terms)}", source: group.first?.source)])
        }
        return isFirst ? lines.first ?? [] : lines.dropFirst().flatMap { section("children", $0) }
    }

    private var recording: [Line] {
        guard let terminal = fragment.terminal else {
            return fragment.recording.map { [Line(text: "record: \($0.value.rawValue)", source: $0.source)] }
                ?? []
        }
        let bodies = fragment.recording.map {
            [Line(text: "  bodies: \($0.value.rawValue)", source: $0.source)]
        }
        return section(
            "record",
            (bodies ?? [])
                + [Line(text: "  terminal: \(terminal.value.rawValue)", source: terminal.source)]
        )
    }

    private func section(_ name: String, _ lines: [Line]) -> [Line] {
        lines.isEmpty ? [] : [Line(text: "\(name):", source: nil)] + lines
    }

    private func list(_ key: String, _ items: [Sourced<String>]) -> [Line] {
        guard !items.isEmpty else { return [] }
        return [Line(text: "  \(key):", source: nil)]
            + items.map { Line(text: "    - \(quoted($0.value))", source: $0.source) }
    }

    /// JSON text is YAML text as well; plain words stay plain.
    private func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { URLPath.isUnreserved($0) || $0 == UInt8(ascii: "/") }
        return isPlain && !text.isEmpty && text != "~" ? text : JSONText.text(text).printed
    }
}
