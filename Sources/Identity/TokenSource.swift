internal import Glibc
internal import Linux
package import Model

/// Where one launch's token is got from, also anew.
package enum TokenSource: Sendable {
    /// A file that somebody keeps fresh.
    case file(String)
    /// Likewise, with an assertion instead of a token.
    case assertion(String)
    /// A variable of the job's environment, which does not change.
    case variable(String, IdentityToken)
    /// GitHub's endpoint for this job ("OpenID Connect reference", requesting the token with environment variables).
    case gitHub(url: WebAddress, secret: String)
    /// Buildkite's program with the job's environment (`buildkite-agent oidc request-token`).
    case buildkite(program: String, environment: [String])

    /// Variables that hold a token, or that one can be got with: no agent inherits them.
    package static let variables = [
        standardVariable, "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "BUILDKITE_AGENT_ACCESS_TOKEN",
    ]
    /// Where a GitLab job has its token that names it so under `id_tokens`.
    package static let standardVariable = "BAILEY_ID_TOKEN"

    /// Milliseconds that a program or an endpoint may take.
    static let timeout: Int64 = 10_000

    /// Which of a CI system's a job's environment is; nil for none, or where it has nothing to get a token with.
    ///
    /// `environment` is the job's by name, `entries` the same as it stands.
    package init?(
        _ source: Issuer.Source,
        in environment: [String: String],
        entries: [String]
    ) throws(TokenSourceFailure) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        switch source {
        case .file: return nil
        case .gitHubActions:
            guard environment["GITHUB_ACTIONS"] == "true", let text = value("ACTIONS_ID_TOKEN_REQUEST_URL"),
                let secret = value("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
            else { return nil }
            guard let url = WebAddress(text) else {
                throw TokenSourceFailure("ACTIONS_ID_TOKEN_REQUEST_URL is not an https URL")
            }
            guard secret.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw TokenSourceFailure("ACTIONS_ID_TOKEN_REQUEST_TOKEN cannot stand in a header field")
            }
            self = .gitHub(url: url, secret: secret)
        case .gitLab:
            guard environment["GITLAB_CI"] == "true", let text = value(Self.standardVariable) else {
                return nil
            }
            self = .variable(Self.standardVariable, try Self.token(text, Self.standardVariable))
        case .buildkite:
            guard environment["BUILDKITE"] == "true", value("BUILDKITE_JOB_ID") != nil,
                value("BUILDKITE_AGENT_ACCESS_TOKEN") != nil
            else { return nil }
            guard let program = Self.program("buildkite-agent", on: environment["PATH"] ?? "") else {
                throw TokenSourceFailure("the job's PATH has no program buildkite-agent")
            }
            self = .buildkite(program: program, environment: entries)
        }
    }

    /// Of a job of such a CI system the variables that a token would be got by and that are not there; empty elsewhere.
    package static func missing(_ source: Issuer.Source, in environment: [String: String]) -> [String] {
        let (mark, needed): (String, [String]) =
            switch source {
            case .file: ("", [])
            case .gitHubActions:
                ("GITHUB_ACTIONS", ["ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
            case .gitLab: ("GITLAB_CI", [standardVariable])
            case .buildkite: ("BUILDKITE", ["BUILDKITE_JOB_ID", "BUILDKITE_AGENT_ACCESS_TOKEN"])
            }
        guard environment[mark] == "true" else { return [] }
        return needed.filter { environment[$0]?.isEmpty ?? true }
    }

    /// A token in a variable of the environment.
    package init(variable name: String, in environment: [String: String]) throws(TokenSourceFailure) {
        guard let text = environment[name], !text.isEmpty else {
            throw TokenSourceFailure("the variable \(name) is not set, or empty")
        }
        self = .variable(name, try Self.token(text, name))
    }

    private static func token(_ text: String, _ name: String) throws(TokenSourceFailure) -> IdentityToken {
        guard let token = IdentityToken(text) else {
            throw TokenSourceFailure(
                "the variable \(name) has more than \(IdentityToken.maximumLength >> 10) KiB"
            )
        }
        return token
    }

    private static func program(_ name: String, on path: String) -> String? {
        path.cut(at: ":").filter { $0.begins(with: "/") }.map { "\($0)/\(name)" }
            .first { unsafe access($0, X_OK) == 0 }
    }

    /// Whether asking again can give another token.
    package var isRenewable: Bool { if case .variable = self { false } else { true } }

    /// A token now; may wait for whoever gives it.
    package func token(
        for audience: String,
        by transport: any DocumentTransport
    ) throws(TokenSourceFailure) -> IdentityToken {
        switch self {
        case .variable(_, let token): return token
        case .assertion(let path): throw TokenSourceFailure("\(path) holds an assertion, and no token")
        case .file(let path):
            guard let octets = ReadFile.bytes(at: path, limit: IdentityToken.maximumLength + 1) else {
                throw TokenSourceFailure(
                    "\(path) cannot be read as a file of at most \(IdentityToken.maximumLength >> 10) KiB"
                )
            }
            return try Self.token(printed: octets, path)
        case .gitHub(let url, let secret):
            return try Self.gitHubToken(url, secret, audience, transport)
        case .buildkite(let program, let environment):
            return try Self.buildkiteToken(program, environment, audience)
        }
    }

    /// The assertion that a file has now.
    package static func assertion(in path: String) throws(TokenSourceFailure) -> IdentityAssertion {
        guard let octets = ReadFile.bytes(at: path, limit: IdentityAssertion.maximumFile),
            let text = String(validating: octets, as: UTF8.self), let assertion = IdentityAssertion(text)
        else {
            throw TokenSourceFailure(
                "\(path) cannot be read as a file of UTF-8 of at most \(IdentityAssertion.maximumFile >> 10) KiB"
            )
        }
        return assertion
    }

    private static func gitHubToken(
        _ url: WebAddress,
        _ secret: String,
        _ audience: String,
        _ transport: any DocumentTransport
    ) throws(TokenSourceFailure) -> IdentityToken {
        let mark = url.target.holds("?") ? "&" : "?"
        let target = "\(url.target)\(mark)audience=\(URLQuery.encoded(audience))"
        let query = DocumentQuery(
            WebAddress(endpoint: url.endpoint, target: target),
            authorization: "bearer \(secret)",
            timeout: timeout
        )
        let what = "GitHub's endpoint for tokens, \(url.endpoint),"
        let reply: FormReply
        do {
            reply = try transport.get(query)
        } catch {
            throw TokenSourceFailure("\(what) gave none: \(error.message)")
        }
        guard reply.status == 200 else { throw TokenSourceFailure("\(what) answered \(reply.status)") }
        guard let text = (try? JSONValue(reply.body))?["value"]?.text, let token = IdentityToken(text) else {
            throw TokenSourceFailure("\(what) answered with no token in \"value\"")
        }
        return token
    }

    private static func buildkiteToken(
        _ program: String,
        _ environment: [String],
        _ audience: String
    ) throws(TokenSourceFailure) -> IdentityToken {
        let run = ProgramOutput(
            arguments: [program, "oidc", "request-token", "--audience", audience],
            environment: environment,
            maximum: IdentityToken.maximumLength,
            timeout: timeout
        )
        do {
            return try token(printed: run.run(), program)
        } catch let error as ProgramOutput.Failure {
            throw TokenSourceFailure("\(program) oidc request-token: \(error.reason)")
        } catch let error as TokenSourceFailure {
            throw error
        } catch {
            throw TokenSourceFailure("\(program) oidc request-token failed")
        }
    }

    /// Without the one line end that programs and editors leave.
    private static func token(
        printed octets: [UInt8],
        _ what: String
    ) throws(TokenSourceFailure) -> IdentityToken {
        var octets = octets[...]
        if octets.last == UInt8(ascii: "\n") { octets.removeLast() }
        if octets.last == UInt8(ascii: "\r") { octets.removeLast() }
        guard !octets.isEmpty, octets.allSatisfy({ (0x21...0x7E).contains($0) }),
            let token = IdentityToken(String(decoding: octets, as: UTF8.self))
        else {
            throw TokenSourceFailure(
                "\(what) holds no token: one line of printable characters without blanks"
            )
        }
        return token
    }
}

/// No token could be had; holds nothing of one.
package struct TokenSourceFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let reason: String

    package init(_ reason: String) { self.reason = reason }

    package var description: String { reason }
}
