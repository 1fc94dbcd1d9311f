package import Model

/// What the user says to requests that wait for an approval.
package struct ApprovalOrder: Sendable, Hashable {
    package enum Subject: Sendable, Hashable {
        /// By its id, `RUN-N`.
        case question(String)
        /// All that a rule asks, by where it stands: `ci.yaml:14`.
        case rule(String)
    }

    package var subject: Subject
    package var approves: Bool
    /// What an approval is good for; nil for one request.
    package var life: ApprovalTerms.Life?
    package var reason: String?

    package init(subject: Subject, approves: Bool, life: ApprovalTerms.Life? = nil, reason: String?) {
        self.subject = subject
        self.approves = approves
        self.life = life
        self.reason = reason
    }
}

extension ApprovalOrder {
    func write(to writer: inout ControlWriter) {
        switch subject {
        case .question(let id):
            writer.write(UInt8(0))
            writer.write(id)
        case .rule(let name):
            writer.write(UInt8(1))
            writer.write(name)
        }
        writer.write(approves)
        switch life {
        case nil: writer.write(UInt8(0))
        case .once: writer.write(UInt8(1))
        case .time(let milliseconds):
            writer.write(UInt8(2))
            writer.write(milliseconds)
        case .agent: writer.write(UInt8(3))
        }
        writer.write(reason)
    }

    init(from reader: inout ControlReader) throws(ControlError) {
        switch try reader.byte() {
        case 0: subject = .question(try reader.text())
        case 1: subject = .rule(try reader.text())
        case let kind: throw ControlError("an answer to something of kind \(kind)")
        }
        approves = try reader.flag()
        switch try reader.byte() {
        case 0: life = nil
        case 1: life = .once
        case 2: life = .time(try reader.number())
        case 3: life = .agent
        case let kind: throw ControlError("an approval for something of kind \(kind)")
        }
        reason = try reader.optionalText()
        guard reason.map({ Revocation.accepts(reason: $0) }) ?? true else {
            throw ControlError("a reason is one line of at most \(Revocation.maximumReason) octets")
        }
    }
}

/// What came of it.
package enum AnswerReply: Sendable, Hashable {
    /// So many questions were answered.
    case done(Int32)
    /// Counted; so many more have to approve.
    case seconded(missing: Int32)
    /// Nothing of that name waits.
    case unknown
    /// It changes nothing, and why.
    case refused(String)
    /// It could not be recorded, and changes nothing.
    case unrecorded(String)
}

extension AnswerReply {
    func write(to writer: inout ControlWriter) {
        switch self {
        case .done(let count):
            writer.write(UInt8(0))
            writer.write(count)
        case .seconded(let missing):
            writer.write(UInt8(1))
            writer.write(missing)
        case .unknown: writer.write(UInt8(2))
        case .refused(let why):
            writer.write(UInt8(3))
            writer.write(why)
        case .unrecorded(let why):
            writer.write(UInt8(4))
            writer.write(why)
        }
    }

    init(from reader: inout ControlReader) throws(ControlError) {
        switch try reader.byte() {
        case 0: self = .done(try reader.integer())
        case 1: self = .seconded(missing: try reader.integer())
        case 2: self = .unknown
        case 3: self = .refused(try reader.text())
        case 4: self = .unrecorded(try reader.text())
        case let kind: throw ControlError("an outcome of kind \(kind)")
        }
    }
}
