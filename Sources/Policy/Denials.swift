internal import Model

/// The words of refusals: what was attempted, which rule of which ancestor refused it, who may change that.
extension LineagePolicy {
    /// A level denied or asked; `demands` is what has to be answered where it asked.
    func denial(
        _ request: Request,
        level: Int,
        verdicts: [LevelVerdict],
        demands: [ApprovalDemand]
    ) -> Denial {
        let verdict = verdicts[level]
        let hop = hops[level]
        let refusing = verdicts.indices.filter { verdicts[$0].effect == verdict.effect && $0 != level }
        let also = refusing.isEmpty ? "" : "; refused as well by \(list(refusing))"
        guard let rule = verdict.rule else {
            let near = withheld(from: request, level: level) ?? nearest(to: request, level: level)
            func message(_ but: String?) -> String {
                "\(request) is not allowed: no rule of \(owner(level)) allows it\(also)"
                    + (but.map { "; \($0)" } ?? "") + request.unqualifiedNote
            }
            return Denial(
                reason: .noRule,
                message: message(near?.description),
                told: near.flatMap { $0.isOfOthers ? message($0.told) : nil },
                rule: nil,
                decidedBy: hop,
                remedy: remedy(hop, change(for: request, near))
            )
        }
        return verdict.effect == .ask
            ? Denial(
                reason: .approvalNeeded,
                message: "\(request) needs an approval by the rule \(rule) of \(owner(level))\(also)",
                rule: rule,
                decidedBy: hop,
                remedy:
                    "ask \(answerer(demands)) to answer when it is asked for again, outside of agents (bailey approvals)"
            )
            : Denial(
                reason: .denied,
                message: "\(request) is denied by the rule \(rule) of \(owner(level))\(also)",
                rule: rule,
                decidedBy: hop,
                remedy: remedy(hop, "change that rule")
            )
    }

    /// The path cannot be decided on.
    func denial(_ request: Request, _ problem: PathReadings.Problem) -> Denial {
        let why =
            switch problem {
            case .notNormal: "its path is not in normal form"
            case .hidesDotSegment: "its path hides a dot segment behind an encoding or a parameter"
            case .hidesControlByte: "its path hides a control byte behind an encoding"
            }
        return Denial(
            reason: .malformed,
            message: "\(request.action.method) to \(request.endpoint) is refused: \(why)",
            rule: nil,
            decidedBy: nil,
            remedy: "send the path in the form of RFC 3986 section 6.2.2, without dot segments"
        )
    }

    /// The asking agent's own rules disagree about the credential.
    func ambiguousCredential(_ request: Request, _ credentials: [String]) -> Denial {
        Denial(
            reason: .credentialUnavailable,
            message:
                "\(request) is refused: rules of \(owner(levels.count - 1)) that match it name different "
                + "credentials (\(credentials.joined(separator: ", ")))",
            rule: nil,
            decidedBy: lineage.agent,
            remedy: remedy(lineage.agent, "let one rule alone match the request, or name one credential")
        )
    }

    /// An ancestor's rules do not let the credential be used here.
    func foreignCredential(_ request: Request, _ credential: String, level: Int) -> Denial {
        let hop = hops[level]
        return Denial(
            reason: .credentialUnavailable,
            message:
                "\(request) is refused: \(owner(level)) does not use the credential \"\(credential)\" there",
            rule: nil,
            decidedBy: hop,
            remedy: remedy(hop, "name the credential in its matching rule")
        )
    }

    /// What the principal's token allowed is over with it.
    var principalExpired: Denial {
        let proof = (lineage.principal.proof ?? .token).word
        return Denial(
            reason: .principalExpired,
            message: "the \(proof) of \(lineage.principal), on which this run rests, expired",
            rule: nil,
            decidedBy: lineage.hops.first,
            remedy: "ask \(lineage.principal) to start the run anew with a fresh \(proof)"
        )
    }

    /// The address is one that the rules do not reach.
    func forbiddenAddress(_ request: Request, _ address: IPAddress) -> Denial {
        let (what, remedy) =
            switch address.scope {
            case .metadata:
                ("an instance metadata service", "only a rule whose pattern is the very address reaches it")
            case .unusable: ("no address that may be dialled", "use an address that is assigned to a host")
            case .local, .global:
                ("a private address", "every level's rule must say private: true or be that very address")
            }
        return Denial(
            reason: .forbiddenAddress,
            message: "\(request) is refused: \(address) is \(what)",
            rule: nil,
            decidedBy: nil,
            remedy: remedy
        )
    }

    /// What would let a request pass that no rule allows; never a rule without the conditions of the one that is there.
    private func change(for request: Request, _ near: NearMiss?) -> String {
        guard let near else {
            return "add an egress rule for \(request.ruleText)"
        }
        if near.isOfOthers { return "let that rule be for \(lineage.principal) as well" }
        return near.isOfOptions
            ? "add an egress rule for \(request.ruleText), without a ref"
            : "let the condition of that rule mean this request as well"
    }

    func remedy(_ hop: Hop, _ change: String) -> String {
        // Who proved themselves by a token, as a job of a CI, has no profile on this machine.
        let owner = "whoever owns profile \"\(hop.profile)\""
        let asked = isLocal ? "\(lineage.principal), or \(owner)," : owner
        return "ask \(asked) to \(change); no agent can change a profile"
    }

    private var isLocal: Bool { lineage.principal.issuer == nil }

    /// Who may answer: the principal where every rule that asks lets it; of others no rule's names are told.
    private func answerer(_ demands: [ApprovalDemand]) -> String {
        let subject = ByteText(lineage.principal.subject)
        if demands.contains(where: \.terms.excludesPrincipal) {
            return "somebody who may approve it, and is not \(lineage.principal),"
        }
        let isNamed = demands.allSatisfy { $0.terms.by.isEmpty || $0.terms.by.contains(subject) }
        return isLocal && isNamed ? "\(lineage.principal)" : "somebody who may approve it"
    }

    func owner(_ level: Int) -> String {
        let hop = hops[level]
        let who = level == levels.count - 1 ? "agent" : "ancestor"
        return "\(who) \"\(hop.name)\" (profile \"\(hop.profile)\")"
    }

    private func list(_ levels: [Int]) -> String {
        levels.map(owner).joined(separator: ", ")
    }
}

extension Request {
    /// As a rule has it: options of a push, and its refs with them, are no part of one.
    fileprivate var ruleText: String {
        guard kind == .gitPush, body.push?.hasOptions == true else { return description }
        var plain = self
        plain.body.push = nil
        return plain.description
    }

    /// Why a rule for a schema's tables may not mean a table that is named without one.
    fileprivate var unqualifiedNote: String {
        guard case .sql(let sql) = action, sql.deeds.count == 1, let deed = sql.deeds.first,
            case .object(let name) = deed.target, name.schema == nil, deed.kind.objects == .inSchemas
        else { return "" }
        return "; named without a schema it may lie in any, unless rules pin search_path"
    }
}

extension Action {
    fileprivate var method: String {
        switch self {
        case .http(let method, _, _): method
        case .webSocket: "websocket"
        case .connect: "connect"
        case .sql(let sql): sql.summary
        }
    }
}
