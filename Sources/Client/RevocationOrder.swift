package import Model

/// What the user asks a supervisor to cut off.
package struct RevocationOrder: Sendable, Hashable {
    package var subject: RevocationSubject
    package var reason: String?
    /// The processes are not ended: whatever they try outside is refused.
    package var keepsRunning: Bool

    package init(subject: RevocationSubject, reason: String?, keepsRunning: Bool) {
        self.subject = subject
        self.reason = reason
        self.keepsRunning = keepsRunning
    }
}

extension RevocationOrder {
    func write(to writer: inout ControlWriter) {
        writer.write(subject.description)
        writer.write(reason)
        writer.write(keepsRunning)
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
    }
}
