package import Model

/// What the user asks a supervisor to cut off.
package struct RevocationOrder: Sendable, Hashable {
    package var subject: RevocationSubject
    package var reason: String?
    /// The processes are not ended: whatever they try outside is refused.
    package var keepsRunning: Bool
    /// Since when: one moment, whoever says it, and on record.
    package var time: Timestamp

    package init(subject: RevocationSubject, reason: String?, keepsRunning: Bool, time: Timestamp) {
        self.subject = subject
        self.reason = reason
        self.keepsRunning = keepsRunning
        self.time = time
    }
}

extension RevocationOrder {
    /// RFC 3339 section 5.6 has years of four digits.
    private static let latest = Timestamp(milliseconds: 253_402_300_799_999)

    func write(to writer: inout ControlWriter) {
        writer.write(subject.description)
        writer.write(reason)
        writer.write(keepsRunning)
        writer.write(UInt64(clamping: time.milliseconds))
    }

    init(from reader: inout ControlReader) throws(ControlError) {
        guard let subject = RevocationSubject(try reader.text()) else {
            throw ControlError("to revoke neither an agent nor a principal")
        }
        self.subject = subject
        reason = try reader.optionalText()
        guard reason.map({ Revocation.accepts(reason: $0) }) ?? true else {
            throw ControlError("a reason is one line of at most \(Revocation.maximumReason) octets")
        }
        keepsRunning = try reader.flag()
        let moment = Timestamp(milliseconds: Int64(clamping: try reader.number()))
        guard moment <= Self.latest else { throw ControlError("a moment beyond the year 9999") }
        time = moment
    }
}
