/// What a verification found wrong first.
package struct AuditFinding: Sendable, Hashable, Codable {
    /// A stable word for machines.
    package enum Code: String, Sendable, Codable {
        /// The record differs from what was sealed.
        case changed
        /// The record is not there, though later ones are, or its seal is.
        case removed
        /// Another sealed record stands in its place.
        case reordered
        /// The record was never sealed.
        case inserted
        /// The seal over the record is gone or not genuine.
        case seal
        /// The store ends before its signed head.
        case cut
        /// The head file is gone, damaged or not genuine.
        case head
        /// The key is gone or not the one that signed the store.
        case key
        /// The database is gone, though the head says that it held records.
        case databaseMissing = "database-missing"
        /// Tables, triggers or views are not as the store made them.
        case schema
        /// A record says another lineage than the launch of its agent, or there is no such launch before it.
        case lineage
        /// A recorded body is gone, or not what its record says.
        case recording
        /// The key of the recorded bodies is gone, or is not the one that sealed them.
        case recordingKey = "recording-key"
        /// A statement of what was pruned is not genuine, or of other records.
        case pruning
        /// A checkpoint is forged, of another log, or names another record.
        case checkpoint
        /// SQLite cannot read on from here.
        case unreadable
    }

    package let code: Code
    /// The first bad record; nil when the finding is about the store as a whole.
    package let record: Int64?
    package let message: String

    init(_ code: Code, record: Int64? = nil, _ message: String) {
        self.code = code
        self.record = record
        self.message = message
    }
}

/// The outcome of a verification.
package enum AuditVerification: Sendable, Hashable {
    /// Every record is as it was sealed, none is missing, and the chain reaches its head.
    case verified(VerifiedHead)
    case broken(AuditFinding)
}

/// The end of a verified chain.
package struct VerifiedHead: Sendable, Hashable, Codable {
    /// How many records there are; also the last one's sequence.
    package let records: Int64
    /// The last record's hash, lower-case hex.
    ///
    /// Noted elsewhere, it proves later that nothing before it changed.
    package let hash: String
    /// The public key that all was checked with, lower-case hex.
    package let publicKey: String
    /// How many checkpoints agree with it; nil where none were looked at.
    package var checkpoints: Int64?
    /// How many lines among them were only begun, and passed over; nil for none.
    package var begunCheckpoints: Int64?
    /// How many of the records were removed by a pruning; nil for none.
    package var pruned: Int64?
}
