internal import Model
internal import Policy

/// A request that was allowed and whose record is durable: what dialling or forwarding spends.
struct Authorised: ~Copyable {
    let permit: Permit
    /// The credential that the rule names.
    let material: CredentialMaterial?
    /// The approval that was spent on it; nil where no rule asks.
    var approval: SpentApproval?
    /// It goes over a connection of its own, since it cannot be sent again without another approval.
    var isApproved: Bool { approval != nil }
    /// Its name.
    var credential: String? { permit.obligations.credential }
    /// What a database's session is bound to.
    var session: DatabaseSession { permit.obligations.session ?? DatabaseSession() }
    /// Which columns of a statement's rows are masked.
    var columns: Set<ColumnPattern> { permit.obligations.columns }
    /// Octets that a body of unknown length may have.
    var maximumBody: UInt64? { permit.obligations.maximumBody }

    /// What is masked in the reply.
    var masks: MaskKinds { permit.obligations.masks }

    /// Which secrets the request may carry.
    var sending: Sending { permit.obligations.sending }

    /// Whether its bodies are recorded.
    var isRecorded: Bool { permit.obligations.recording == .full }

    /// What its record and its reply have in common.
    let exchange: UInt64

    /// Gives the permit up to who spends it.
    consuming func intoPermit() -> Permit { permit }
}

/// An approval, and the version of the policy that it was spent under.
struct SpentApproval: Hashable {
    let grant: ApprovalGrant
    let version: UInt64
}

/// The end of one authorisation.
enum Authorisation: ~Copyable {
    case allowed(Authorised)
    case denied(Denial)
    /// Not decided: more of the request has to be read first.
    case unread(BodyInterest)
}
