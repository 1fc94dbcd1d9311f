internal import Model

extension ProfileReview {
    /// The word for the system call policies, beside the protocols.
    static let systemCallsWord = "syscalls"

    /// `bailey profile words PROTOCOL`: the action words that rules for this protocol are written in; of `syscalls` the
    /// built-in policies.
    package static func words(of protocolName: String) -> ReviewOutcome {
        if let scheme = Scheme(rawValue: protocolName) { return ReviewOutcome(output: text(of: scheme)) }
        if protocolName == systemCallsWord { return systemCallWords() }
        let known = Scheme.allCases.map(\.rawValue) + [systemCallsWord]
        let isUnbuilt = HostPatternText.unbuiltSchemes.contains(protocolName)
        let nearest =
            NearestWord.nearest(to: protocolName, in: known).map { "; did you mean \"\($0)\"?" } ?? ""
        let complaint =
            isUnbuilt
            ? "the protocol \"\(protocolName)\" is not built yet"
            : "unknown protocol \"\(protocolName)\"; it may be \(known.joined(separator: ", "))\(nearest)"
        return ReviewOutcome(complaints: complaint + "\n", exitCode: ReviewOutcome.badInput)
    }

    private static func text(of scheme: Scheme) -> String {
        switch scheme {
        case .http, .https:
            """
            METHOD              every path:  GET
            METHOD /path/glob   these paths: GET /repos/acme/**
            *                   every method and path
            * /path/glob        every method, these paths
            grpc SERVICE/METHOD a call of gRPC: grpc acme.Orders/Get*

            Behind a path may stand what else must be so:
            ?q=*&page=1         these parameters, each once, and no others; &** lets others be there as well
            body <= 1MiB        of allow; of ask and deny: body > 1MiB
            body /model = "m-*" what a body in JSON has at a pointer: a string, true, false or null
            Conditions are joined by and: POST /v1/chat body <= 1MiB and body /model = "m-*"

            In a path * stands for any text within a segment (alone: one segment that is not empty), and ** for any
            number of whole segments, none included. Paths are normalised before they are matched; a query is
            matched where a rule names it. Methods, in upper case:
              \(ActionText.methods.joined(separator: " "))
            Default port: \(scheme == .http ? 80 : 443). Not built yet: websocket.

            """
        case .tls:
            """
            connect   forward without interception after the server name is checked

            Default port: 443.

            """
        case .tcp:
            """
            connect   forward opaquely; the last resort

            There is no default port.

            """
        }
    }
}
