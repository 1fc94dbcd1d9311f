internal import Identity
internal import Model

/// The identity that a run rests on, and when it is looked at again.
struct HeldIdentity {
    var identity: LaunchIdentity
    /// Monotonic milliseconds of the next look; nil where nothing expires, or has to be done any more.
    var review: UInt64?
    /// A fresh token is being got.
    var isRenewing = false
    /// Why the last attempt came to nothing.
    var trouble: String?
    /// It expired, and the run lives on without it.
    var hasLapsed = false

    /// Milliseconds between two looks at most: the wall clock may have stepped meanwhile, or the machine slept.
    static let pace: Int64 = 30_000
    /// Milliseconds before the end of a token at which the next one is asked for, a fifth of its life at most.
    static let margin: Int64 = 60_000
    /// Milliseconds between two attempts, at least.
    static let retry: Int64 = 500

    /// Milliseconds that the token is still good for; nil for the local user.
    func left(at now: Timestamp) -> Int64? {
        identity.principal.expiry.map { $0.milliseconds - now.milliseconds }
    }

    /// How long before its end a token is renewed.
    var lead: Int64 {
        let life = (identity.principal.expiry?.milliseconds ?? 0) - identity.proven
        return min(Self.margin, max(0, life / 5))
    }
}
