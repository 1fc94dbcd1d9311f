internal import Audit
package import Client
package import Model
package import Profiles
internal import Sandbox

/// Everything a supervisor needs to know before it launches anything.
package struct SupervisorConfiguration: Sendable {
    /// Of the program.
    package var version: String
    package var principal: Principal
    package var directories: StateDirectories
    package var profiles: ProfileSearch
    package var machine: OperatorConfiguration
    /// The user's home directory, for `~` in profiles and for `HOME` inside.
    package var home: String
    package var userName: String
    /// What `--config` named.
    package var configurationFile: String?
    /// Where the operator's configuration and credentials are read from, and what was there before they were; nil for nothing.
    var filesRead: [(path: String, mark: FileMark?)] = []
    /// Sandboxes that wait for an order.
    package var sandboxesAhead: Int
    /// One supervisor for many launches: what they share is prepared.
    package var servesMany: Bool
    /// Names given by `--allow-degraded`.
    package var degraded: Set<String>
    /// What answers in place of every server; nil where they are connected to.
    var replayed: ServedSession?

    /// Who every agent is.
    var account: Account { Account(userName: userName, home: home, hostName: "bailey") }
}
