internal import Audit
internal import Client
internal import Credentials
internal import Identity
internal import Linux
internal import Model
internal import Profiles

/// `approvals`: who is told of questions, and who may answer them.
extension OperatorConfiguration {
    private static let approvalKeys = [
        "listen", "url", "tokens", "webhooks", "issuers", "people", "socket", "fleet",
    ]
    private static let tokenKeys = ["subject", "token"]
    private static let hookKeys = ["url", "secret", "format", "subject"]

    mutating func readApprovals(_ top: YAMLMapping, _ errors: inout Diagnostics) {
        guard let node = top["approvals"],
            let fields = node.mapping("approvals", keys: Self.approvalKeys, &errors)
        else { return }
        approvals.listen = fields["listen"].flatMap { Self.place($0, &errors) }
        approvals.url = fields["url"].flatMap { Self.base($0, &errors) }
        let (tokens, hooks) = (fields["tokens"], fields["webhooks"])
        var failure: LookupFailure?
        approvals.tokens = Self.items(tokens, "approvals.tokens", ApprovalPlan.maximumTokens, &errors) {
            Self.token($0, $1, &failure, &$2)
        }
        approvals.webhooks = Self.items(hooks, "approvals.webhooks", ApprovalPlan.maximumWebhooks, &errors) {
            Self.webhook($0, $1, &failure, &$2)
        }
        approvals.failure = failure
        readApprovers(fields, &errors)
        guard fields["listen"] == nil else { return }
        for (node, key) in [(fields["url"], "url"), (tokens, "tokens"), (fields["issuers"], "issuers")] {
            guard let node else { continue }
            errors.report("approvals.\(key) says nothing without approvals.listen", at: node.position)
        }
        if let hook = approvals.webhooks.first(where: { $0.principal != nil }), let hooks {
            errors.report(
                "approvals.webhooks: links for \(hook.principal?.subject ?? "") lead nowhere without approvals.listen",
                at: hooks.position
            )
        }
    }

    /// Loopback only: in the clear a token goes no further.
    private static func place(
        _ node: YAMLNode,
        _ errors: inout Diagnostics
    ) -> (address: IPAddress, port: UInt16)? {
        guard let text = node.text("approvals.listen", &errors) else { return nil }
        if let place = LoopbackPlace.parse(text), place.port > 0 { return place }
        errors.report(
            "approvals.listen: \"\(text)\" is not a loopback address and a port, as in 127.0.0.1:8791 or [::1]:8791; for "
                + "other machines put a web server with TLS in front of it, and say approvals.url",
            at: node.position
        )
        return nil
    }

    private static func base(_ node: YAMLNode, _ errors: inout Diagnostics) -> WebAddress? {
        guard let text = node.text("approvals.url", &errors) else { return nil }
        if let address = WebAddress(orOnLoopback: text), !address.target.holds("?") { return address }
        errors.report(
            "approvals.url: \"\(text)\" is no https:// URL without a query, nor http:// on loopback",
            at: node.position
        )
        return nil
    }

    static func items<Item>(
        _ node: YAMLNode?,
        _ name: String,
        _ most: Int,
        _ errors: inout Diagnostics,
        _ read: (YAMLNode, String, inout Diagnostics) -> Item?
    ) -> [Item] {
        guard let node, let list = node.list(name, &errors) else { return [] }
        guard list.count <= most else {
            errors.report("\(name) has more than \(most) entries", at: node.position)
            return []
        }
        return list.enumerated().compactMap { read($1, "\(name)[\($0)]", &errors) }
    }

    private static func token(
        _ node: YAMLNode,
        _ name: String,
        _ failure: inout LookupFailure?,
        _ errors: inout Diagnostics
    ) -> ApprovalPlan.Token? {
        guard let fields = node.mapping(name, keys: tokenKeys, &errors) else { return nil }
        guard let subject = fields["subject"], let token = fields["token"] else {
            errors.report("\(name) takes subject and token", at: node.position)
            return nil
        }
        guard let principal = Self.principal(subject, "\(name).subject", &failure, &errors),
            let secret = OperatorSecret(token, "\(name).token", home: HomeFolder.current, &errors)
        else { return nil }
        guard secret.file != nil else {
            errors.report(
                "\(name).token is {file: PATH}, a file that its owner alone may read",
                at: token.position
            )
            return nil
        }
        return ApprovalPlan.Token(principal: principal, secret: secret)
    }

    private static func webhook(
        _ node: YAMLNode,
        _ name: String,
        _ failure: inout LookupFailure?,
        _ errors: inout Diagnostics
    ) -> ApprovalPlan.Webhook? {
        guard let fields = node.mapping(name, keys: hookKeys, &errors) else { return nil }
        guard let url = fields["url"], let secret = fields["secret"] else {
            errors.report("\(name) takes url and secret", at: node.position)
            return nil
        }
        let words = ApprovalPlan.Webhook.Format.allCases.map(\.rawValue)
        let word = fields["format"].map { $0.word("\(name).format", of: words, &errors) ?? "" } ?? "json"
        let subject = fields["subject"].map { principal($0, "\(name).subject", &failure, &errors) }
        guard let place = Self.place(url, "\(name).url", &errors),
            let kept = OperatorSecret(secret, "\(name).secret", home: HomeFolder.current, &errors),
            let format = ApprovalPlan.Webhook.Format(rawValue: word)
        else { return nil }
        if let trouble = trouble(with: kept, "\(name).secret") {
            errors.report(trouble, at: secret.position)
            return nil
        }
        return ApprovalPlan.Webhook(
            place: place,
            secret: kept,
            format: format,
            principal: subject ?? nil
        )
    }

    /// Why a secret in a file is of no use, known before anything is asked; a variable's or a command's is had when it is needed.
    private static func trouble(with secret: OperatorSecret, _ name: String) -> String? {
        guard let file = secret.file else { return nil }
        let octets: [UInt8]
        do throws(CredentialFailure) {
            octets = try secret.octets(environment: [:], of: ApprovalPlan.secretLength)
        } catch {
            return error.message
        }
        do throws(MessageFailure) {
            _ = try SignedWebhook.Secret(octets)
        } catch {
            return "\(name): \(file): \(error.message)"
        }
        return nil
    }

    /// A URL, or what holds one.
    private static func place(
        _ node: YAMLNode,
        _ name: String,
        _ errors: inout Diagnostics
    ) -> ApprovalPlan.Webhook.Place? {
        if case .mapping = node.content {
            guard let kept = OperatorSecret(node, name, home: HomeFolder.current, &errors) else { return nil }
            if kept.file != nil || kept.variable != nil { return .kept(kept) }
            errors.report("\(name) is a URL, {file: PATH} or {env: NAME}", at: node.position)
            return nil
        }
        guard let text = node.text(name, &errors) else { return nil }
        if let address = WebAddress(orOnLoopback: text) { return .written(address) }
        errors.report("\(name): \"\(text)\" is no https:// URL, nor http:// on loopback", at: node.position)
        return nil
    }

    /// Whoever is this supervisor's own user is it by whatever way an answer comes.
    private static func principal(
        _ node: YAMLNode,
        _ name: String,
        _ failure: inout LookupFailure?,
        _ errors: inout Diagnostics
    ) -> Principal? {
        guard let text = node.text(name, &errors) else { return nil }
        guard let principal = Principal(named: text) else {
            errors.report(
                "\(name): \"\(text)\" is no principal; it is written user:NAME, oidc:ISSUER:SUBJECT or saml:ISSUER:SUBJECT",
                at: node.position
            )
            return nil
        }
        guard principal.proof == nil else { return principal }
        // Of two names of one user the number says that they are one.
        do throws(LookupFailure) {
            let own = try LocalUser.principal()
            return own.subject.isSame(as: text) ? own : try local(text) ?? principal
        } catch {
            failure = error
            return principal
        }
    }
}

/// A loopback address and a port, `127.0.0.1:8791` or `[::1]:8791`.
enum LoopbackPlace {
    static func parse(_ text: String) -> (address: IPAddress, port: UInt16)? {
        guard let colon = text.lastPlace(of: ":"), let port = UInt16(text.rest(behind: colon)),
            let address = IPAddress(unbracketed(text[..<colon])), Host.address(address).isLoopback
        else { return nil }
        return (address, port)
    }

    private static func unbracketed(_ text: Substring) -> String {
        guard text.begins(with: "["), text.ends(with: "]") else { return String(text) }
        return String(text.dropFirst(bytes: 1).dropLast(bytes: 1))
    }
}
