internal import Model
internal import Profiles

extension CredentialFile {
    private static let unbuiltPositions: Set<String> = ["ssh-key"]
    private static let positions = [
        "bearer", "basic", "header", "query", "cookie", "client-cert", "aws-sigv4", "password",
    ]
    private static let positionsText =
        "bearer, basic, header NAME, query NAME, cookie NAME, client-cert [USER], aws-sigv4 [REGION SERVICE], password USER"

    /// Fields that frame a message or name its host: a secret there would change what the request is
    /// (RFC 9110 sections 7.2, 7.6, 8.6; RFC 9112 section 6).
    private static let framingFields: Set<String> = [
        "host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect",
        "keep-alive", "proxy-connection", "proxy-authorization", "content-type", "content-encoding",
    ]

    static func position(
        _ node: YAMLNode,
        _ errors: inout Diagnostics
    ) -> CredentialDefinition.Position? {
        guard case .scalar(let text, _) = node.content else {
            errors.report("as is one of \(positionsText), written as a text", at: node.position)
            return nil
        }
        let words = text.cut(at: " ", omittingEmptySubsequences: false).map(String.init)
        switch words.first {
        case "bearer" where words.count == 1: return .bearer
        case "basic" where words.count == 1: return .basic
        case "client-cert" where words.count == 1: return .clientCertificate
        case "aws-sigv4" where words.count == 1: return .awsSignature(nil)
        case "aws-sigv4" where words.count == 3:
            if let scope = AWSScope(region: words[1], service: words[2]) { return .awsSignature(scope) }
            errors.report("as: \"\(text)\" does not name a region and a service", at: node.position)
        case "header" where words.count == 2: return header(words[1], node, &errors)
        case "query" where words.count == 2: return query(words[1], node, &errors)
        case "cookie" where words.count == 2: return cookie(words[1], node, &errors)
        case "password" where words.count == 2: return user(words, node, &errors).map { .password($0) }
        case "client-cert" where words.count == 2:
            return user(words, node, &errors).map { .loginCertificate($0) }
        case let word? where examples[word] != nil:
            errors.report(
                "as: \"\(text)\" does not name one place",
                at: node.position,
                suggestion: examples[word]
            )
        case let word? where unbuiltPositions.contains(word):
            errors.report(
                "as: \"\(word)\" is not built yet; use \(positionsText)",
                at: node.position
            )
        default:
            errors.report(
                "as: \"\(text)\" is not one of \(positionsText)",
                at: node.position,
                suggestion: NearestWord.nearest(to: words.first ?? "", in: positions)
            )
        }
        return nil
    }

    private static let examples = [
        "header": "header X-Api-Key", "query": "query key", "cookie": "cookie session",
        "aws-sigv4": "aws-sigv4 eu-central-1 s3", "password": "password app",
        "client-cert": "client-cert app",
    ]

    /// A parameter's name needs no escape: one that does could be spelled in many ways.
    private static func query(
        _ name: String,
        _ node: YAMLNode,
        _ errors: inout Diagnostics
    ) -> CredentialDefinition.Position? {
        let isPlain = name.utf8.allSatisfy(URLPath.isUnreserved)
        guard !name.isEmpty, isPlain, name.utf8.count <= CredentialLimits.maximumName else {
            errors.report(
                "as: \"\(name)\" is not the name of a query parameter: letters, digits, \"-\", \".\", \"_\", \"~\"",
                at: node.position(offset: 6)
            )
            return nil
        }
        return .query(name)
    }

    /// The name of a database's user, as it is spelled there.
    private static func user(
        _ words: [String],
        _ node: YAMLNode,
        _ errors: inout Diagnostics
    ) -> String? {
        let name = words[1]
        guard (1...CredentialLimits.maximumUser).contains(name.utf8.count),
            name.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            errors.report(
                "as: \"\(name)\" is not the name of a database's user: 1 to \(CredentialLimits.maximumUser) "
                    + "printable ASCII characters",
                at: node.position(offset: words[0].utf8.count + 1)
            )
            return nil
        }
        return name
    }

    /// A cookie's name is a token (RFC 6265 section 4.1.1).
    private static func cookie(
        _ name: String,
        _ node: YAMLNode,
        _ errors: inout Diagnostics
    ) -> CredentialDefinition.Position? {
        guard isToken(name) else {
            errors.report("as: \"\(name)\" is not the name of a cookie", at: node.position(offset: 7))
            return nil
        }
        return .cookie(name)
    }

    /// RFC 9110 section 5.6.2.
    private static func isToken(_ name: String) -> Bool {
        let marks = Set("!#$%&'*+-.^_`|~".utf8)
        return (1...CredentialLimits.maximumName).contains(name.utf8.count)
            && name.utf8.allSatisfy { isLetterOrDigit($0) || marks.contains($0) }
    }

    /// A field name is a token.
    private static func header(
        _ name: String,
        _ node: YAMLNode,
        _ errors: inout Diagnostics
    ) -> CredentialDefinition.Position? {
        let lower = name.lowercasedASCII
        guard isToken(name) else {
            errors.report("as: \"\(name)\" is not the name of a field", at: node.position(offset: 7))
            return nil
        }
        guard !framingFields.contains(lower) else {
            errors.report("as: the field \"\(name)\" is no place for a secret", at: node.position(offset: 7))
            return nil
        }
        return .header(lower)
    }

    static func hosts(_ node: YAMLNode, _ scheme: Scheme, _ errors: inout Diagnostics) -> [HostPattern] {
        guard let texts = node.texts("for", &errors) else { return [] }
        guard (1...CredentialLimits.maximumHosts).contains(texts.count) else {
            errors.report(
                "for names 1 to \(CredentialLimits.maximumHosts) hosts: a credential goes nowhere else",
                at: node.position
            )
            return []
        }
        return texts.compactMap { host($0, scheme, &errors) }
    }

    private static func host(
        _ text: YAMLText,
        _ scheme: Scheme,
        _ errors: inout Diagnostics
    ) -> HostPattern? {
        do {
            let pattern = try HostPatternText.parse(text.text)
            if pattern.scheme == scheme { return pattern }
            errors.report(
                scheme == .https
                    ? "for: \"\(text.text)\" is not https: a secret is only sent over verified TLS"
                    : "for: \"\(text.text)\" is not postgres: what logs in as a user is only for databases",
                at: text.position
            )
        } catch {
            errors.report(error, in: text.node)
        }
        return nil
    }

    /// A name of POSIX.1-2017 section 8.1, letters of both cases allowed.
    static func variable(_ node: YAMLNode, _ what: String, _ errors: inout Diagnostics) -> String? {
        guard let name = node.text(what, &errors) else { return nil }
        let isName = name.utf8.allSatisfy { isLetterOrDigit($0) || $0 == 0x5f }
        guard let first = name.utf8.first, isName, !(0x30...0x39).contains(first),
            name.utf8.count <= CredentialLimits.maximumName
        else {
            errors.report("\(what): \"\(name)\" is not the name of a variable", at: node.position)
            return nil
        }
        return name
    }

    /// Milliseconds.
    static func lifetime(_ node: YAMLNode, _ errors: inout Diagnostics) -> Int64 {
        guard let text = node.text("lifetime", &errors) else { return 0 }
        do {
            let milliseconds = try Quantity.duration(text)
            guard (1_000...CredentialLimits.maximumLifetime).contains(milliseconds) else {
                errors.report("lifetime is 1s to 24h, not \(text)", at: node.position)
                return 0
            }
            return Int64(milliseconds)
        } catch {
            errors.report(error, in: node)
            return 0
        }
    }

    /// Two look-alikes under one variable: an agent could hold only one of them.
    static func checkVariables(_ entries: [YAMLEntry], _ errors: inout Diagnostics) {
        var owners: [String: String] = [:]
        for entry in entries {
            guard case .mapping(let fields) = entry.value.content,
                let field = fields.first(where: { $0.key == "placeholder" }),
                case .scalar(let variable, _) = field.value.content
            else { continue }
            var variables = [variable]
            if case .scalar(let position, _)? = fields.first(where: { $0.key == "as" })?.value.content,
                position.begins(with: "aws-sigv4"),
                let other = CredentialDefinition.secretVariable(beside: variable)
            {
                variables.append(other)
            }
            for variable in variables {
                guard let owner = owners.updateValue(entry.key, forKey: variable) else { continue }
                errors.report(
                    "placeholder \(variable) is already that of credential \(owner)",
                    at: field.value.position
                )
            }
        }
    }
}
