package import Foundation

/// When the keys that vouch for agents follow one another.
///
/// A key is published from its making on, signs once it has been so for `ahead`, and is followed by another that is made `life`
/// after it. It stays published until what it signed last is over.
package struct KeySchedule: Sendable, Hashable {
    /// Seconds from a key to the next, where the operator says nothing: services may be given the keys by hand.
    package static let standardLife: TimeInterval = 365 * day
    /// At most: the first key signs half as long again, and a private signature key does for three years at the most.
    ///
    /// NIST SP 800-57 part 1 revision 5, table 1.
    package static let longestLife: TimeInterval = 730 * day
    /// At least: then a key is published for as long ahead of its use as what the one before it signed may be good for.
    package static let shortestLife: TimeInterval = 2 * day

    /// Seconds that a token is good for at most: `CredentialLimits.tokenLifetime`, and what clocks may differ.
    static let tokenTail: TimeInterval = 300 + skew
    /// The same of a certificate: `CredentialLimits.maximumLifetime`.
    static let certificateTail: TimeInterval = day + skew

    private static let day: TimeInterval = 24 * 3_600
    /// Seconds that a service may be behind: twice the "few minutes" of RFC 7519 section 4.1.4.
    private static let skew: TimeInterval = 600

    /// Seconds from the making of a key to that of the next.
    package let life: TimeInterval

    /// Seconds that a key is published before it signs: SPIRE prepares an authority at half the life of the one before it.
    package var ahead: TimeInterval { life / 2 }

    /// - Parameter life: in seconds, from `shortestLife` to `longestLife`; the nearer one of them otherwise.
    package init(life: TimeInterval = standardLife) {
        self.life = min(max(life, Self.shortestLife), Self.longestLife)
    }
}
