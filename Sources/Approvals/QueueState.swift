internal import Model

/// What becomes of one who asks.
enum Finding {
    case settled(HoldOutcome)
    /// The same is asked already.
    case joined
    case new(Question)
}

extension ApprovalQueue.State {
    /// Finds an approval and spends it, joins those who wait for the same, or asks.
    mutating func admit(_ waiter: Question.Waiter, at now: UInt64) -> Finding {
        let held = waiter.held
        guard !held.epoch.isOver else { return .settled(.void) }
        let key = QuestionKey(held)
        if let grant = spend(key, at: now) { return .settled(.approved(grant)) }
        if let number = numbers[key], let question = questions[number] {
            guard question.waiters.count < ApprovalLimits.waiters else {
                return .settled(.tooMany("\(ApprovalLimits.waiters) others wait for the same answer"))
            }
            questions[number]?.waiters.append(waiter)
            return .joined
        }
        for demand in held.demands
        where blocks.contains(Block(agent: held.agent, rule: ByteText(demand.rule.name))) {
            return .settled(
                .denied(id: nil, by: "an answer to all of this rule's questions", reason: nil)
            )
        }
        if let why = refusal(of: held.agent, at: now) { return .settled(.tooMany(why)) }
        last += 1
        var question = Question(
            id: "\(held.agent.run)-\(last)",
            number: last,
            held: held,
            asked: now,
            deadline: now.addingReportingOverflow(held.wait).partialValue,
            approvals: held.demands.map { _ in [] }
        )
        question.waiters = [waiter]
        questions[last] = question
        numbers[key] = last
        return .new(question)
    }

    /// Why an agent may not ask now; counts that it does where it may.
    private mutating func refusal(of agent: AgentID, at now: UInt64) -> String? {
        guard questions.count < ApprovalLimits.questions else {
            return "\(ApprovalLimits.questions) questions wait for answers already"
        }
        guard questions.values.count(where: { $0.held.agent == agent }) < ApprovalLimits.questionsPerAgent
        else { return "\(ApprovalLimits.questionsPerAgent) questions of this agent wait for answers already" }
        guard
            questions.values.count(where: { $0.held.agent.run == agent.run }) < ApprovalLimits.questionsPerRun
        else { return "\(ApprovalLimits.questionsPerRun) questions of this run wait for answers already" }
        var tally = tallies[agent] ?? ApprovalQueue.Tally(began: now)
        if now - min(now, tally.began) >= ApprovalLimits.window { tally = ApprovalQueue.Tally(began: now) }
        guard tally.asked < ApprovalLimits.questionsPerWindow else {
            return "this agent has asked \(tally.asked) questions within "
                + "\(ApprovalLimits.window / 1_000) s already"
        }
        tally.asked += 1
        tallies[agent] = tally
        return nil
    }

    /// An approval that covers it; one for a single request is gone with that.
    private mutating func spend(_ key: QuestionKey, at now: UInt64) -> ApprovalGrant? {
        guard let kept = grants[key] else { return nil }
        let isGood = kept.isGood(at: now)
        if kept.isOnce || !isGood { grants[key] = nil }
        return isGood ? kept.grant : nil
    }

    mutating func keep(_ kept: KeptGrant, for key: QuestionKey) {
        let own = grants.filter { $0.key.agent == key.agent }
        if own.count >= ApprovalLimits.grantsPerAgent,
            let first = own.min(by: { $0.value.grant.expires ?? .max < $1.value.grant.expires ?? .max })
        {
            grants[first.key] = nil
        }
        grants[key] = kept
    }

    /// Takes a question out.
    mutating func remove(_ number: UInt64) -> Question? {
        guard let question = questions.removeValue(forKey: number) else { return nil }
        let key = QuestionKey(question.held)
        if numbers[key] == number { numbers[key] = nil }
        return question
    }

    /// Takes all of them out that match, in their order.
    mutating func take(_ matches: (Question) -> Bool) -> [Question] {
        questions.values.filter(matches).map(\.number).sorted().compactMap { remove($0) }
    }
}

extension RuleReference {
    /// How an answer to all of a rule's questions names it: where it stands, or its text where that is nowhere.
    package var name: String { source ?? text }
}
