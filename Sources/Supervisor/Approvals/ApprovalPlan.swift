package import Credentials
package import Identity
package import Model

/// `approvals` of `bailey.yaml`: who is told of questions, and who may answer them besides the supervisor's own user.
package struct ApprovalPlan: Sendable {
    /// Octets of a secret or a token: from those of the hash that it is used with (RFC 2104 section 3) to a file by mistake.
    static let secretLength = 32...4_096
    /// Octets of an address that is a secret.
    static let addressLength = 8...WebAddress.maximumLength
    /// Webhooks: each has a queue and a thread of its own.
    static let maximumWebhooks = 8
    /// Tokens: more people than answer for one machine.
    static let maximumTokens = 32
    /// People who are known by several names, and names of one.
    static let maximumPeople = 256
    static let maximumNames = 8
    /// Octets of the name of the approvers' socket in its folder: what `sun_path` has room for behind "/proc/self/fd/", a descriptor of
    /// seven digits (NR_OPEN, fs/file.c) and a slash, and before ".new" (unix(7)).
    static let maximumSocketName = 81
    /// Octets of a machine's name: a DNS label (RFC 1035 section 2.3.4).
    static let machineLength = 1...63

    /// Where `bailey serve` answers HTTP; nil for nowhere.
    package var listen: (address: IPAddress, port: UInt16)?
    /// What links begin with, `https://approvals.example.com`; nil for where it listens.
    package var url: WebAddress?
    package var tokens: [Token] = []
    package var webhooks: [Webhook] = []
    /// Whose tokens answer over HTTP, each with the audience that those have.
    package var issuers: [Issuer] = []
    package var people: [Person] = []
    /// The machines of a fleet that approvals are shared with; empty for none.
    package var fleet: [Machine] = []
    /// Where other users of this machine answer; nil for nowhere.
    package var socket: Socket?
    /// Why not all users and groups are known that it names: then no answer is taken, since it is not known who is whom.
    package var failure: LookupFailure?

    package init() {}

    /// A socket of `bailey serve` for answers alone, which the members of a group may connect to.
    package struct Socket: Sendable, Hashable {
        /// Absolute.
        package let path: String
        /// Nil where it could not be looked up.
        package let group: UInt32?

        var folder: String {
            path.lastPlace(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? path
        }
    }

    /// Another machine, whose word on who answered there counts.
    package struct Machine: Sendable, Hashable {
        /// What stands for it in `user:MACHINE:NAME`.
        package let name: String
        /// Of its log, in lower-case hex.
        package let key: String
    }

    /// Subjects that are one person.
    package struct Person: Sendable, Hashable {
        package let names: Set<ByteText>
        /// The user ids of those that are of this machine: one user may have several names there, and at times none.
        package let uids: Set<UInt32>
    }

    /// Who answers, by all the names that they are known by.
    package func identity(
        _ principal: Principal,
        groups: Set<ByteText> = [],
        isNamedOnly: Bool = false
    ) -> ApproverIdentity {
        let subject = ByteText(principal.subject)
        let person = people.first { $0.names.contains(subject) || $0.uids.contains(principal.uid) }
        return ApproverIdentity(
            principal,
            groups: groups,
            alsoKnownAs: person?.names ?? [],
            uids: person?.uids ?? [],
            isNamedOnly: isNamedOnly
        )
    }

    /// Who answers by what the operator gave them: the user id that the user database has for their name tells people apart, and is
    /// no word of the kernel's, so that no record has it.
    package func identity(ofHolder principal: Principal) -> ApproverIdentity {
        let known = identity(principal)
        return ApproverIdentity(
            Principal(named: principal.subject) ?? principal,
            alsoKnownAs: known.names,
            uids: known.uids
        )
    }

    /// Who has it may answer as that principal.
    package struct Token: Sendable {
        package let principal: Principal
        package let secret: OperatorSecret
    }

    /// Where questions are posted to.
    package struct Webhook: Sendable {
        package enum Format: String, Sendable, CaseIterable {
            case json, slack
        }

        /// Where it is: in the configuration's text, or, since a path may be all that keeps others out, in a file or a variable.
        package enum Place: Sendable {
            case written(WebAddress)
            case kept(OperatorSecret)
        }

        package let place: Place
        package let secret: OperatorSecret
        package let format: Format
        /// As whom the links in its messages answer; nil for messages without links.
        package let principal: Principal?

        /// Its address, where that is a secret.
        var kept: OperatorSecret? { if case .kept(let secret) = place { secret } else { nil } }
    }

    /// What of the machine holds its secrets.
    var secrets: [OperatorSecret] {
        tokens.map(\.secret) + webhooks.map(\.secret) + webhooks.compactMap(\.kept)
    }

    /// Whether the configuration itself is one, by a webhook's path.
    var isSecret: Bool { webhooks.contains { $0.kept == nil } }
}
