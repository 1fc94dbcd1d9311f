package import Model

extension LineagePolicy {
    /// Decides one request for the agent and every ancestor: permitted only when each level permits it.
    package func decide(_ request: Request) -> Decision {
        .deny(
            Refusal(
                verdict: .deny,
                denial: Denial(
                    reason: .noRule,
                    message: "\(request) is not allowed",
                    rule: nil,
                    decidedBy: nil,
                    remedy: ""
                ),
                levels: []
            )
        )
    }
}
