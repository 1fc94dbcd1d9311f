internal import Model
internal import Policy

/// What a valid profile says that a launch, or the gateway, would refuse or leave out.
extension ProfileReview {
    func refusals(in merged: MergedProfile) -> [Lint] {
        let egress = merged.fragment.egress
        return unlaunched(merged) + strangers(in: merged.fragment)
            + absentApprovers(in: merged.fragment) + grants(merged.fragment) + credentials(merged.fragment)
            + egress.compactMap(unbound) + egress.compactMap(unreached)
            + variables(merged.fragment) + children(of: merged)
    }

    /// What every launch is refused for, and what is said of nobody.
    private func unlaunched(_ merged: MergedProfile) -> [Lint] {
        let source = (merged.file.cut(at: "/").last.map(String.init) ?? merged.file) + ":1"
        return launcher.everyRefusal.map { Lint(source: source, message: $0) } + strangePeople(source)
    }

    /// A rule for hosts to which its credential is not sent.
    private func unbound(_ rule: EgressRule) -> Lint? {
        guard let name = rule.credential, let hosts = launcher.hosts(name),
            let message = UnboundCredential.message(rule, sentTo: hosts)
        else { return nil }
        return Lint(source: rule.source, message: message)
    }

    /// A rule for a name that the gateway resolves to an address which the rule does not reach.
    private func unreached(_ rule: EgressRule) -> Lint? {
        guard !rule.allow.isEmpty || !rule.ask.isEmpty, case .name(let name) = rule.to.hosts,
            let address = launcher.resolve[name],
            let why = address.unreached(private: rule.privateAddresses)
        else { return nil }
        return Lint(source: rule.source, message: "\(rule.to): bailey.yaml resolves it to \(address), \(why)")
    }

    private func grants(_ fragment: ProfileFragment) -> [Lint] {
        let hidden = fragment.hide.map(\.value)
        return (fragment.read + fragment.write + fragment.copy).filter { !hidden.holds(bytes: $0.value) }
            .compactMap { item in
                launcher.refusal(item.value).map {
                    Lint(source: item.source, message: "files: \(item.value) will be refused: \($0)")
                }
            }
    }

    private func credentials(_ fragment: ProfileFragment) -> [Lint] {
        fragment.egress.compactMap { rule in
            guard let name = rule.credential, launcher.hasCredential(name) == false else { return nil }
            return Lint(
                source: rule.source,
                message: "\(rule.to): there is no credential \(name) in credentials.yaml; a launch will be"
                    + " refused"
            )
        }
    }

    private func variables(_ fragment: ProfileFragment) -> [Lint] {
        fragment.pass.filter { launcher.neverPassed.holds(bytes: $0.value) }.map {
            Lint(
                source: $0.source,
                message: "env.pass: \"\($0.value)\" is never passed: the gateway is the agent's only way"
                    + " out; env.set sets it"
            )
        }
    }

    /// Profiles under which no child could be launched; globs name whatever there is.
    private func children(of merged: MergedProfile) -> [Lint] {
        let asked = merged.fragment.childAsks.map { Sourced(value: $0.glob, source: $0.source) }
        return children("profiles", merged.fragment.childProfiles, of: merged)
            + children("ask", asked, of: merged)
    }

    private func children(_ key: String, _ names: [Sourced<String>], of merged: MergedProfile) -> [Lint] {
        names.filter { ProfileName.isValid($0.value) }.compactMap { item in
            do throws(ProfileError) {
                // Itself is never wider than itself.
                guard !item.value.isSame(as: merged.profile.name) else { return nil }
                var child = try loader.load(name: item.value)
                child.complete(by: merged.profile)
                let wider = excess(of: child, over: merged.profile)
                guard !wider.isEmpty else { return nil }
                return Lint(
                    source: item.source,
                    message: "children.\(key): \"\(item.value)\" is wider than this profile, and will be"
                        + " refused: " + wider.map(\.description).joined(separator: "; ")
                )
            } catch {
                let reason = error.diagnostics.first?.message ?? "it does not load"
                return Lint(
                    source: item.source,
                    message: "children.\(key): \"\(item.value)\" will be refused: \(reason)"
                )
            }
        }
    }
}
