internal import Model

/// The epoch of each principal that has agents here.
///
/// One that was revoked and is no more begins anew: what was cut off stays so.
struct PrincipalEpochs {
    private struct Held {
        weak var epoch: RevocationEpoch?
    }

    /// Held by their agents; those of principals that have none left are forgotten when there are as many again.
    private var epochs: [ByteText: Held] = [:]
    private var kept = 0

    /// That of a principal, by its subject.
    mutating func epoch(of subject: String) -> RevocationEpoch {
        if let epoch = epochs[ByteText(subject)]?.epoch { return epoch }
        if epochs.count > 2 * kept + ChildAdmission.maximumDepth {
            epochs = epochs.filter { $0.value.epoch != nil }
            kept = epochs.count
        }
        let epoch = RevocationEpoch()
        epochs[ByteText(subject)] = Held(epoch: epoch)
        return epoch
    }

    /// Whether it has agents, or launches under way.
    func isKnown(_ subject: String) -> Bool { epochs[ByteText(subject)]?.epoch != nil }

    /// Ends that of a principal, for all its agents.
    mutating func end(_ subject: String, by revocation: Revocation) {
        epochs.removeValue(forKey: ByteText(subject))?.epoch?.end(by: revocation)
    }
}
