/// Every bound of the audit store, with its reason.
package enum AuditLimits {
    /// Entries that wait for the writer.
    ///
    /// At about 2 KiB each this is 32 MiB, and 128 MiB where every head is as long as one may be; past it a caller is refused at once, because an entry that is not
    /// durable must not have an effect.
    package static let maximumQueued = 16_384
    /// Replies that wait for no more: a sixteenth of a batch, so that agents of one moment come into it.
    package static let repliesAtOnce = 64
    /// Milliseconds that a reply waits for others at most; as the head's, it is what a killed supervisor may lose.
    static let replyDelay = headDelay
    /// Records under one seal, so that a verifier holds at most this many digests (32 octets each).
    package static let maximumBatch = 1_024
    /// Octets of their payloads, beyond the last of them: what is under one seal goes to a fleet's database in one statement, and one
    /// record may have several MiB, of its 256 arguments each octet written as six.
    static let sealedOctets = 1 << 20
    /// Octets that most records have no more of (some 1,400 of a request three levels deep): room that is made at once.
    static let usualRecord = 2_048
    /// Seconds to wait for another supervisor's transaction before the batch is refused.
    ///
    /// Shorter than the two seconds within which a denial must be told to the agent.
    package static let busyTimeout = 1.5
    /// Octets of one text that an agent made (an argument, a path, a message) before it is cut.
    package static let maximumText = 4_096
    /// Octets of a text whose masked form is remembered; longer ones seldom come twice.
    static let rememberedText = 256
    /// Masked forms that are remembered: 512 KiB at most, with the texts.
    static let rememberedTexts = 1_024
    /// Lineages whose columns are remembered: more agents than a supervisor has alive, at some 1 KiB each.
    static let rememberedLineages = 1_024
    /// Rulings that are remembered of each: some 600 octets each.
    static let rememberedRulings = 4
    /// Octets that one run may record of bodies where `recordings` in `bailey.yaml` does not say: eight of the largest files
    /// that the gateway is tested with, 2 GiB.
    ///
    /// Beyond it nothing goes on: an agent must not fill the disk, nor go unrecorded.
    package static let recordings: UInt64 = 16 << 30
    /// Octets of a body in one block: four of the gateway's largest reads.
    static let recordedBlock = 1 << 20
    /// Milliseconds until the key of recordings is looked for again, where there was none.
    package static let recordingPause = 1_000
    /// Octets of the keys that recordings' keys are derived from, and of those (AES-256).
    static let sealKey = 32
    /// Octets that tell one key from another: by chance two of 2^32 are alike.
    static let sealKeyID = 8
    /// Octets of AES-GCM's nonce, and of its tag (SP 800-38D).
    static let sealNonce = 12
    static let sealTag = 16
    /// Requests of a session that is served again, and hosts: an hour of seventy a second; some 100 octets of memory each.
    static let answeredRequests = 1 << 18
    /// Octets of what tells them apart, all together: paths, queries, hosts.
    static let answeredText = 64 << 20
    /// Octets of a reply's body that are read at a time: one of the gateway's largest reads.
    static let answeredPiece = 256 << 10
    /// Octets of a request that are told of it: so that two of them leave room in a message.
    static let answeredWords = 1_024
    /// Files of recordings that are open at a time, one for each run.
    static let recordingsOpen = 64
    /// Milliseconds that the signed head may be behind the records on the disk.
    ///
    /// What is cut off within them, after the supervisor was killed, is not found out by the head.
    static let headDelay = 100
    /// Octets of records that an export reads at a time, beyond the last of them: what it holds in memory.
    static let exportedAtOnce = 1 << 20
    /// Records that an export looks at in one transaction, some milliseconds: the log cannot be emptied while it lasts
    /// (sqlite.org/wal.html, "Checkpoint starvation").
    static let lookedAtOnce = 4_096
    /// Agents whose lineage an export remembers; those before are looked up again.
    static let exportedLineages = 4_096
    /// Records in one request to a collector: OpenTelemetry's own default (OTEL_BLRP_MAX_EXPORT_BATCH_SIZE).
    static let telemetryRecords = 512
    /// Octets of records in one request, beyond the last of them: a twentieth of what its collector takes at most.
    static let telemetryOctets = 1 << 20
    /// Milliseconds for a collector's answer: OpenTelemetry's own default (OTEL_EXPORTER_OTLP_TIMEOUT).
    static let telemetryAnswer: Int64 = 10_000
    /// Milliseconds before a request is sent again for the first time, and at most.
    static let telemetryPause = 1_000
    static let telemetryLongestPause = 30_000
    /// Seconds that one request is sent again and again: a collector that restarts is back by then.
    static let telemetryPatience = 120
    /// Records, and seconds, between two checkpoints where `audit.checkpoints` in `bailey.yaml` does not say: what is cut off
    /// in between is not found out by them.
    package static let checkpointRecords: Int64 = 1_000
    package static let checkpointSeconds = 60
    /// Milliseconds for a webhook's answer, and that an end waits for the last checkpoint.
    static let checkpointAnswer: Int64 = 5_000
    static let checkpointFarewell = 2_000
    /// Seconds before a place that failed is tried again, at most.
    static let checkpointLongestPause = 60
    /// Readers of one log at a time, each with two MiB of SQLite's pages (sqlite.org/pragma.html#pragma_cache_size).
    static let readers = 16
    /// Parts of a log for each reader: some take longer than others, and one reader looks at the order of pages meanwhile.
    static let partsOfReader = 4
    /// Records that are worth a part of their own: half a second of a reader's time.
    package static let recordsOfPart: Int64 = 100_000
    /// Octets of a checkpoint's line: all its fields, with numbers of twenty digits, and room.
    static let checkpointLine = 512
    /// Milliseconds that a checkpoint's clock may be ahead of ours.
    static let checkpointSkew: Int64 = 300_000
    /// Records that are pruned in one transaction at most: some tens of milliseconds, a fraction of what a supervisor waits for it.
    static let prunedAtOnce = 1_000
    /// Octets of their payloads, beyond the last of them: pages that the transaction has to free.
    static let prunedOctets = 4 << 20
    /// Milliseconds that one may take before the next is of half as many: a fifteenth of `busyTimeout`.
    static let pruningHold = 100
    /// Milliseconds between two of them at least: the longest that whoever waits for the log sleeps before it looks again
    /// (sqlite.org/src, main.c, `sqliteDefaultBusyCallback`).
    package static let pruningPause = 100
    /// How often a pruning waits `busyTimeout` for supervisors that write all the time: a minute.
    static let pruningAttempts = 40
    /// Milliseconds since a run's last record before it may be pruned: what comes of its requests comes behind them.
    static let pruningRest: Int64 = 60_000
    /// Names of runs in one record of what was begun: some 16 KiB of them.
    static let runsInRecord = 1_024
    /// Octets of a record besides its payload, by estimate: its other columns, and the seal's digest.
    static let recordColumns = 300
    /// Records that a list looks back for the request that a reply is of: it stands shortly before, but of a connection that is held
    /// for days, which must not cost each line the whole log.
    static let originsInList: Int64 = 65_536
    /// Arguments of one command line that are kept.
    package static let maximumArguments = 256
    /// Octets of a key file: an Ed25519 seed or public key (RFC 8032 section 5.1.5).
    static let keyLength = 32
    /// Octets of the head file: at most one 512-octet sector, so that a write of it is never torn.
    static let headLength = 512
}
