package import Model
package import PostgresLink

/// Where checkpoints of the log go, and how often.
package struct CheckpointPlan: Sendable {
    /// A file that they are appended to.
    package var file: String?
    package var webhook: Webhook?
    /// A database with the table that they are added to.
    package var postgres: PostgresAccess?
    /// How many records may come before the next one, and how many seconds may go by.
    package var records: Int64 = AuditLimits.checkpointRecords
    package var seconds: Int = AuditLimits.checkpointSeconds

    package init() {}

    /// A server that they are posted to, each signed with a secret that both know.
    package struct Webhook: Sendable, CustomReflectable {
        package let address: WebAddress
        let secret: SignedWebhook.Secret

        /// Throws where the secret is no key.
        package init(address: WebAddress, secret: [UInt8]) throws(MessageFailure) {
            (self.address, self.secret) = (address, try SignedWebhook.Secret(secret))
        }

        package var customMirror: Mirror { Mirror(self, children: []) }
    }
}
