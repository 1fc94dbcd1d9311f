/// Who started the root agent: the local user, by the kernel's word, or the subject of a token or an assertion that a
/// configured issuer signed.
package struct Principal: Sendable, Hashable, CustomStringConvertible {
    /// `user:NAME`, or `oidc:ISSUER:SUBJECT` or `saml:ISSUER:SUBJECT` with the issuer's name in `bailey.yaml`, which has no
    /// colon: no two principals have one.
    package let subject: String
    /// The numeric id of the local user who launched, whoever the subject is.
    package let uid: UInt32
    /// What the token's claim of groups says, sorted; the local user has none here.
    package let groups: [String]
    /// The claims that the issuer's configuration keeps: of each the texts that it holds.
    package let claims: [String: [String]]
    /// When the token expires; nil for the local user.
    package let expiry: Timestamp?

    package init(localUser name: String, uid: UInt32) {
        self.init(subject: "\(Self.user):\(name)", uid: uid)
    }

    /// What proved who somebody is: the word that the subject begins with.
    package enum Proof: String, Sendable, Hashable, CaseIterable {
        /// A token of OpenID Connect.
        case token = "oidc"
        /// An assertion of SAML 2.0.
        case assertion = "saml"

        /// What people call it.
        package var word: String {
            switch self {
            case .token: "token"
            case .assertion: "assertion"
            }
        }
    }

    /// The subject of a verified token or assertion.
    ///
    /// - Parameters:
    ///   - proof: which of them it was.
    ///   - issuer: its name in the configuration, without a colon.
    ///   - subject: without control characters, see `isPlain`.
    ///   - uid: of the local user who launched.
    ///   - groups: in any order.
    ///   - claims: those that are kept.
    ///   - expiry: of the token.
    package init(
        _ proof: Proof = .token,
        issuer: String,
        subject: String,
        uid: UInt32,
        groups: [String] = [],
        claims: [String: [String]] = [:],
        expiry: Timestamp? = nil
    ) {
        self.init(
            subject: "\(proof.rawValue):\(issuer):\(subject)",
            uid: uid,
            groups: groups,
            claims: claims,
            expiry: expiry
        )
    }

    private init(
        subject: String,
        uid: UInt32,
        groups: [String] = [],
        claims: [String: [String]] = [:],
        expiry: Timestamp? = nil
    ) {
        self.subject = subject
        self.uid = uid
        self.groups = groups.sorted { $0.precedes($1) }
        self.claims = claims
        self.expiry = expiry
    }

    private static let user = "user"
    /// The user id of one that was written down: the kernel takes it for none (chown(2)).
    package static let unknownUser = UInt32.max

    /// The name of the issuer whose token or assertion it was; nil for a local user.
    package var issuer: String? { proven?.issuer }

    /// What proved who it is; nil for a local user.
    package var proof: Proof? { proven?.proof }

    private var proven: (proof: Proof, issuer: String)? {
        let parts = subject.cut(at: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let proof = Self.proof(parts[0]) else { return nil }
        return (proof, String(parts[1]))
    }

    private static func proof(_ word: Substring) -> Proof? {
        Proof.allCases.first { $0.rawValue.isSame(as: word) }
    }

    package var description: String { subject }
}

extension Principal {
    /// Octets of the subject in a token: twice what OpenID Connect Core section 2 lets one have, since those of CI hold a
    /// repository and a branch.
    package static let maximumSubject = 512

    /// One that was written down, `user:alice` or `oidc:github:repo:acme/app`; nil for anything else.
    package init?(named subject: String, groups: [String] = [], claims: [String: [String]] = [:]) {
        let parts = subject.cut(at: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard Self.isPlain(subject), let kind = parts.first, parts.count > 1, !parts[1].isEmpty else {
            return nil
        }
        if kind.isSame(as: Self.user) {
            guard groups.isEmpty, claims.isEmpty else { return nil }
        } else {
            guard Self.proof(kind) != nil, parts.count == 3, !parts[2].isEmpty,
                parts[2].utf8.count <= Self.maximumSubject
            else { return nil }
        }
        self.init(subject: subject, uid: Self.unknownUser, groups: groups, claims: claims)
    }

    /// The same one, proven until another moment.
    package func proven(until expiry: Timestamp?) -> Principal {
        Principal(subject: subject, uid: uid, groups: groups, claims: claims, expiry: expiry)
    }

    /// Whether a text shows as what it is wherever it is printed: no control or format character, no line or paragraph
    /// separator (Unicode general categories Cc, Cf, Zl, Zp).
    package static func isPlain(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: false
            default: true
            }
        }
    }
}

/// By octets: two spellings that Unicode takes for one are two principals, as everywhere else.
extension Principal {
    package static func == (left: Principal, right: Principal) -> Bool {
        left.subject.isSame(as: right.subject) && left.uid == right.uid && left.expiry == right.expiry
            && areSame(left.groups, right.groups) && areSame(left.claims, right.claims)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(ByteText(subject))
        hasher.combine(uid)
    }

    private static func areSame(_ left: [String], _ right: [String]) -> Bool {
        left.elementsEqual(right) { $0.isSame(as: $1) }
    }

    private static func areSame(_ left: [String: [String]], _ right: [String: [String]]) -> Bool {
        left.count == right.count
            && left.allSatisfy { name, values in
                guard let place = right.index(forKey: name) else { return false }
                return right[place].key.isSame(as: name) && areSame(right[place].value, values)
            }
    }
}

/// Records from before there were tokens have a subject and a number alone.
extension Principal: Codable {
    private enum CodingKeys: String, CodingKey {
        case subject, uid, groups, claims, expiry
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            subject: try values.decode(String.self, forKey: .subject),
            uid: try values.decode(UInt32.self, forKey: .uid),
            groups: try values.decodeIfPresent([String].self, forKey: .groups) ?? [],
            claims: try values.decodeIfPresent([String: [String]].self, forKey: .claims) ?? [:],
            expiry: try values.decodeIfPresent(Int64.self, forKey: .expiry).map(Timestamp.init(milliseconds:))
        )
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(subject, forKey: .subject)
        try values.encode(uid, forKey: .uid)
        if !groups.isEmpty { try values.encode(groups, forKey: .groups) }
        if !claims.isEmpty { try values.encode(claims, forKey: .claims) }
        try values.encodeIfPresent(expiry?.milliseconds, forKey: .expiry)
    }
}
