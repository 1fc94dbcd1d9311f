internal import Approvals
internal import Audit
internal import Model
internal import Synchronization

/// Looks in the log, and in those of machines that are trusted, whether somebody who answers is revoked, by whichever of their names.
final class RevokedApprovers: Sendable {
    private let audit: AuditStore
    /// Where it is asked, once it was.
    private let opened = Mutex<RevokedPrincipals?>(nil)

    init(_ audit: AuditStore) {
        self.audit = audit
    }

    /// Why an answer of theirs counts for nothing; nil where it counts.
    ///
    /// What cannot be looked up counts for nothing either.
    func bar(_ who: ApproverIdentity) -> AnswerBar? {
        do {
            let principals = try principals()
            for name in who.names.map(\.text).sorted(by: { $0.precedes($1) }) {
                if let entry = try principals.entry(of: name) ?? elsewhere(name) {
                    return .revoked("\(who.principal) answers nothing any more: \(entry.revocation.words)")
                }
            }
            return nil
        } catch is AuditFailure {
            return .unknown(
                "whether \(who.principal) is revoked cannot be known: what other machines have revoked cannot be read"
            )
        } catch {
            // Where the log is, is not for everybody who answers to know.
            return .unknown("whether \(who.principal) is revoked cannot be known: the log cannot be read")
        }
    }

    /// What another machine of the fleet said.
    ///
    /// `user:MACHINE:NAME` is in its words: which machine it calls so is its own matter, as it is this one's.
    private func elsewhere(_ subject: String) throws(AuditFailure) -> RevokedPrincipals.Entry? {
        try ApprovalPlan.isOfMachine(subject) ? nil : audit.revokedElsewhere(subject)
    }

    private func principals() throws(AuditStoreError) -> RevokedPrincipals {
        try opened.withLock { opened throws(AuditStoreError) in
            if let opened { return opened }
            let fresh = try audit.revokedPrincipals()
            opened = fresh
            return fresh
        }
    }
}
