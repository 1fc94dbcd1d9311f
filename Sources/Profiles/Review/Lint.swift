internal import Model
internal import Policy

/// Something in a valid profile that its author may not have meant.
package struct Lint: Sendable, Hashable {
    /// `ci.yaml:14`.
    package let source: String
    package let message: String
}

/// Looks at a merged profile for what is valid but doubtful.
struct Linter {
    let fragment: ProfileFragment

    var lints: [Lint] {
        fragment.egress.flatMap(lints) + unreachable + secrets + values + folders + children + narrow
    }

    /// Of one rule.
    private func lints(of rule: EgressRule) -> [Lint] {
        [
            tenants(of: rule), opaque(rule), idle(rule), own(rule), unread(rule),
            undenied(rule),
        ].flatMap {
            $0
        }
    }

    /// Domains under which strangers can have names (a choice from the Public Suffix List's private section).
    static let sharedSuffixes = [
        "amazonaws.com", "s3.amazonaws.com", "cloudfront.net", "azurewebsites.net", "azureedge.net",
        "blob.core.windows.net", "cloudapp.azure.com", "appspot.com", "run.app", "web.app", "firebaseapp.com",
        "cloudfunctions.net", "storage.googleapis.com", "github.io", "githubusercontent.com", "gitlab.io",
        "pages.dev",
        "workers.dev", "r2.dev", "trycloudflare.com", "herokuapp.com", "netlify.app", "vercel.app", "fly.dev",
        "onrender.com", "ngrok.io", "ngrok.app", "ngrok-free.app", "readthedocs.io", "blogspot.com",
        "wordpress.com",
        "myshopify.com", "glitch.me", "surge.sh", "repl.co", "replit.app", "hf.space", "translate.goog",
    ]

    private func tenants(of rule: EgressRule) -> [Lint] {
        let suffix: DNSName
        switch rule.to.hosts {
        case .oneLabel(let below), .anyLabels(let below): suffix = below
        case .name, .address, .network: return []
        }
        let shared = Self.sharedSuffixes.compactMap { DNSName($0) }
            .first { $0 == suffix || $0.prefixLength(above: suffix) != nil }
        if suffix.labels.count == 1 {
            return [
                Lint(source: rule.source, message: "\(rule.to): a wildcard over a whole top-level domain")
            ]
        }
        return shared.map {
            [
                Lint(
                    source: rule.source,
                    message: "\(rule.to): anyone can have a name under the shared suffix \($0)"
                )
            ]
        } ?? []
    }

    private func opaque(_ rule: EgressRule) -> [Lint] {
        let better: [UInt16: String] = [80: "http", 8080: "http", 443: "https or tls", 8443: "https or tls"]
        guard rule.to.scheme == .tcp, let word = better[rule.to.port] else { return [] }
        return [Lint(source: rule.source, message: "\(rule.to): tcp is opaque; \(word) exists for this port")]
    }

    private func idle(_ rule: EgressRule) -> [Lint] {
        guard rule.allow.isEmpty, rule.ask.isEmpty, rule.deny.isEmpty else { return [] }
        return [
            Lint(source: rule.source, message: "\(rule.place): the rule says nothing, so it allows nothing")
        ]
    }

    /// A denial that does not hold for whoever proves nothing.
    private func undenied(_ rule: EgressRule) -> [Lint] {
        guard let principals = rule.principals else { return [] }
        return (rule.deny + rule.ask).map {
            Lint(
                source: $0.source,
                message:
                    "\(rule.place): \"\($0.text)\" is refused to \(principals.text) alone, and to nobody who does not prove"
                    + " that"
            )
        }
    }

    /// A body that is read for what it says and may be larger than what is read.
    private func unread(_ rule: EgressRule) -> [Lint] {
        rule.allow.filter { action in
            action.forms.contains { form in
                guard let conditions = form.conditions, !conditions.members.isEmpty,
                    case .atMost(let size) = conditions.size
                else { return false }
                return size > UInt64(RequestBody.maximumRead)
            }
        }.map {
            Lint(
                source: $0.source,
                message:
                    "\(rule.to): \"\($0.text)\" allows bodies that are refused: to be decided on, one is read up "
                    + "to \(RequestBody.maximumRead >> 20) MiB"
            )
        }
    }

    /// A rule for what no connection to the gateway can be about.
    private func own(_ rule: EgressRule) -> [Lint] {
        guard rule.to.hosts.isLoopback else { return [] }
        return [Lint(source: rule.source, message: "\(rule.to): \(HostPattern.loopbackNote)")]
    }

    private var narrow: [Lint] {
        guard let limit = fragment.limits[.openFiles], limit.value.amount < Limits.launchFiles else {
            return []
        }
        return [
            Lint(
                source: limit.source,
                message: "limits.open-files: a launch needs up to \(Limits.launchFiles) by itself, so that"
                    + " fewer may be refused"
            )
        ]
    }

    /// Allowed actions that a `deny` covers whole.
    private var unreachable: [Lint] {
        let denials = fragment.egress.map { rule in
            EgressRule(
                to: rule.to,
                privateAddresses: true,
                allow: rule.deny,
                database: (rule.database?.name).map { DatabaseRule(name: $0) },
                source: rule.source
            )
        }
        let denied = Profile(name: "denied", egress: denials)
        return fragment.egress.flatMap { rule in
            rule.allow.compactMap { action in
                let alone = EgressRule(
                    to: rule.to,
                    allow: [action],
                    database: (rule.database?.name).map { DatabaseRule(name: $0) },
                    source: rule.source
                )
                guard excess(of: Profile(name: "alone", egress: [alone]), over: denied).isEmpty else {
                    return nil
                }
                return Lint(
                    source: action.source,
                    message: "\(rule.place): a deny makes \"\(action.text)\" unreachable"
                )
            }
        }
    }

    private var secrets: [Lint] {
        fragment.pass.compactMap { item in
            if item.value.allSatisfy({ $0 == "*" }) {
                return Lint(
                    source: item.source,
                    message: "env.pass: \"*\" passes everything but secret-shaped values"
                )
            }
            guard EnvironmentRules.isSecretShaped(item.value) else { return nil }
            return Lint(
                source: item.source,
                message:
                    "env.pass: \"\(item.value)\" is secret-shaped; let the gateway put it in, with credential:"
            )
        }
    }

    private var values: [Lint] {
        fragment.set.sorted { $0.key < $1.key }.filter { EnvironmentRules.isSecretShaped($0.key) }.map {
            Lint(
                source: $0.value.source,
                message:
                    "env.set: \"\($0.key)\" is secret-shaped; let the gateway put it in, with credential:"
            )
        }
    }

    private var folders: [Lint] {
        let hidden = fragment.hide.map(\.value)
        let conflicts = (fragment.read + fragment.write + fragment.copy).filter { item in
            hidden.contains { item.value.isWithin($0) }
        }
        let open = fragment.write.filter {
            $0.value == "/" || fragment.read.map(\.value).holds(bytes: $0.value)
        }
        return conflicts.map {
            Lint(source: $0.source, message: "files: \($0.value) is hidden as well; hide wins")
        }
            + open.map {
                Lint(
                    source: $0.source,
                    message: $0.value == "/"
                        ? "files.write: the whole file system"
                        : "files: \($0.value) is under read as well; write wins"
                )
            }
    }

    private var children: [Lint] {
        let depth = fragment.depth?.value ?? 0
        let count = fragment.count?.value ?? 0
        // A glob that matches another's text, stars and all, matches whatever that one matches.
        let asked = fragment.childProfiles.compactMap { item in
            fragment.childAsks.first { WordGlob($0.glob).matches(item.value) }.map { ask in
                Lint(
                    source: item.source,
                    message:
                        "children.profiles: \"\(item.value)\" is asked about all the same: children.ask \"\(ask.glob)\""
                )
            }
        }
        let first =
            fragment.childProfiles.first.map { (key: "profiles", source: $0.source) }
            ?? fragment.childAsks.first.map { (key: "ask", source: $0.source) }
        guard let first, depth == 0 || count == 0 else { return asked }
        let missing = depth == 0 ? "depth" : "count"
        return asked + [
            Lint(
                source: first.source,
                message: "children.\(first.key) allows none while children.\(missing) is 0"
            )
        ]
    }
}
