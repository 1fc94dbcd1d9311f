internal import Model

extension ProfileReview {
    /// The word for the system call policies, beside the protocols.
    static let systemCallsWord = "syscalls"

    /// The word for what rules mask.
    static let maskWord = "mask"

    /// `bailey profile words PROTOCOL`: the action words that rules for this protocol are written in; of `syscalls` the
    /// built-in policies, of `mask` the kinds of what is masked.
    package static func words(of protocolName: String) -> ReviewOutcome {
        if let scheme = Scheme(rawValue: protocolName) { return ReviewOutcome(output: text(of: scheme)) }
        if protocolName == systemCallsWord { return systemCallWords() }
        if protocolName == maskWord { return ReviewOutcome(output: maskWords) }
        let known = Scheme.allCases.map(\.rawValue) + [systemCallsWord, maskWord]
        let isUnbuilt = HostPatternText.unbuiltSchemes.contains(protocolName)
        let nearest =
            NearestWord.nearest(to: protocolName, in: known).map { "; did you mean \"\($0)\"?" } ?? ""
        let complaint =
            isUnbuilt
            ? "the protocol \"\(protocolName)\" is not built yet"
            : "unknown protocol \"\(protocolName)\"; it may be \(known.joined(separator: ", "))\(nearest)"
        return ReviewOutcome(complaints: complaint + "\n", exitCode: ReviewOutcome.badInput)
    }

    private static var maskWords: String {
        let kinds = MaskKind.allCases.map { column($0.rawValue) + about($0) }
        let groups = MaskKind.Group.allCases.map { group in
            column(group.rawValue) + group.kinds.words.joined(separator: ", ")
        }
        return (kinds + [""] + groups).joined(separator: "\n") + "\n"
    }

    private static func column(_ word: String) -> String {
        word + String(repeating: " ", count: max(1, 20 - word.utf8.count))
    }

    private static func about(_ kind: MaskKind) -> String {
        switch kind {
        case .email: "addresses of mail"
        case .paymentCard: "card numbers of known issuers, with their check digit"
        case .iban: "account numbers, with the length of their country and their check digits"
        case .phone: "with a plus sign; of North America also with separators alone"
        case .usSSN: "United States: social security number, with separators"
        case .ukNINO: "United Kingdom: National Insurance number"
        case .deTaxID: "Germany: Steuer-Identifikationsnummer, with its check digit"
        case .frNIR: "France: num\u{E9}ro de s\u{E9}curit\u{E9} sociale, with its key"
        case .esDNI: "Spain: DNI and NIE, with their check letter"
        case .itCodiceFiscale: "Italy: codice fiscale of a person, with its check letter"
        case .plPESEL: "Poland: PESEL, with its check digit"
        case .privateKey: "private keys in PEM"
        case .token: "tokens of the known providers, JSON Web Tokens"
        }
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
            websocket /path     a WebSocket that is opened there: websocket /live/**
            git fetch /path     read the repository there: git fetch /acme/**
            git push /path REF  change this ref of it: git push /acme/app.git refs/heads/agent/*; without REF any

            Behind a path may stand what else must be so:
            ?q=*&page=1         these parameters, each once, and no others; &** lets others be there as well
            body <= 1MiB        of allow; of ask and deny: body > 1MiB
            body /model = "m-*" what a body in JSON has at a pointer: a string, true, false or null
            Conditions are joined by and: POST /v1/chat body <= 1MiB and body /model = "m-*"

            In a path * stands for any text within a segment (alone: one segment that is not empty), and ** for any
            number of whole segments, none included. Paths are normalised before they are matched; a query is
            matched where a rule names it. A WebSocket is allowed by its own word alone, not by GET or *; a deny or
            ask of either, for its path, holds for it as well. Methods, in upper case:
              \(ActionText.methods.joined(separator: " "))
            Default port: \(scheme == .http ? 80 : 443).

            """
        case .postgres: sqlWords
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
