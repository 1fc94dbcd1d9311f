package import Model
package import NIOCore

/// Types of messages (PostgreSQL 15, "Message Formats").
enum Tag {
    static let authentication = UInt8(ascii: "R")
    static let backendKey = UInt8(ascii: "K")
    static let bind = UInt8(ascii: "B")
    static let bindComplete = UInt8(ascii: "2")
    static let close = UInt8(ascii: "C")
    static let closeComplete = UInt8(ascii: "3")
    static let commandComplete = UInt8(ascii: "C")
    static let copyBoth = UInt8(ascii: "W")
    static let copyData = UInt8(ascii: "d")
    static let copyDone = UInt8(ascii: "c")
    static let copyFail = UInt8(ascii: "f")
    static let copyIn = UInt8(ascii: "G")
    static let copyOut = UInt8(ascii: "H")
    static let dataRow = UInt8(ascii: "D")
    static let describe = UInt8(ascii: "D")
    static let emptyQuery = UInt8(ascii: "I")
    static let error = UInt8(ascii: "E")
    static let execute = UInt8(ascii: "E")
    static let flush = UInt8(ascii: "H")
    static let functionCall = UInt8(ascii: "F")
    static let functionResult = UInt8(ascii: "V")
    static let negotiation = UInt8(ascii: "v")
    static let noData = UInt8(ascii: "n")
    static let notice = UInt8(ascii: "N")
    static let notification = UInt8(ascii: "A")
    static let parameterDescription = UInt8(ascii: "t")
    static let parameterStatus = UInt8(ascii: "S")
    static let parse = UInt8(ascii: "P")
    static let parseComplete = UInt8(ascii: "1")
    static let password = UInt8(ascii: "p")
    static let portalSuspended = UInt8(ascii: "s")
    static let query = UInt8(ascii: "Q")
    static let ready = UInt8(ascii: "Z")
    static let rowDescription = UInt8(ascii: "T")
    static let sync = UInt8(ascii: "S")
    static let terminate = UInt8(ascii: "X")
}

/// Why a connection of PostgreSQL is ended by the gateway.
package struct PostgresFault: Error, Sendable, Hashable {
    package let reason: Denial.Reason
    /// SQLSTATE that the client is told.
    package let code: String
    /// One clause, for the record.
    package let message: String
    /// The same for the agent, where `message` has what a server said to the gateway.
    package let told: String?
    /// What to do about it.
    package let remedy: String

    package init(
        _ reason: Denial.Reason,
        _ message: String,
        code: String = "08P01",
        told: String? = nil,
        remedy: String = "this is the client's or the server's mistake; report it to whoever makes it"
    ) {
        self.reason = reason
        self.code = code
        self.message = message
        self.told = told
        self.remedy = remedy
    }

    static func violation(_ message: String) -> PostgresFault { PostgresFault(.malformed, message) }

    /// ErrorResponse that ends the session.
    package var answer: ByteBuffer {
        PostgresError(severity: "FATAL", code: code, message: told ?? message, hint: remedy).octets
    }

    package var denial: Denial {
        Denial(reason: reason, message: message, told: told, rule: nil, decidedBy: nil, remedy: remedy)
    }
}

/// ErrorResponse, as the gateway writes one (PostgreSQL 15, "Error and Notice Message Fields").
package struct PostgresError: Sendable, Hashable {
    package let severity: String
    package let code: String
    package let message: String
    package let detail: String?
    package let hint: String?
    /// Where in the statement's text, in characters from 1.
    package let position: Int?

    package init(
        severity: String = "ERROR",
        code: String,
        message: String,
        detail: String? = nil,
        hint: String? = nil,
        position: Int? = nil
    ) {
        self.severity = severity
        self.code = code
        self.message = message
        self.detail = detail
        self.hint = hint
        self.position = position
    }

    /// `insufficient_privilege`, the rule, and how to ask.
    package init(
        _ denial: Denial,
        severity: String = "ERROR",
        code: String = "42501",
        position: Int? = nil
    ) {
        self.init(
            severity: severity,
            code: code,
            message: denial.told ?? denial.message,
            detail: denial.rule.map { "The rule: \($0)" },
            hint: denial.remedy,
            position: position
        )
    }

    /// On the wire.
    package var octets: ByteBuffer {
        var fields: [(Character, String)] = [("S", severity), ("V", severity), ("C", code), ("M", message)]
        if let detail { fields.append(("D", detail)) }
        if let hint { fields.append(("H", hint)) }
        if let position { fields.append(("P", String(position))) }
        return Outgoing.message(Tag.error) { body in
            for (kind, text) in fields {
                body.writeString(String(kind))
                Outgoing.text(text, to: &body)
            }
            body.writeInteger(UInt8(0))
        }
    }
}

/// Writes messages.
enum Outgoing {
    /// One message, with its length in front.
    static func message(_ tag: UInt8, _ write: (inout ByteBuffer) -> Void) -> ByteBuffer {
        var bytes = ByteBuffer(integer: tag)
        bytes.writeInteger(UInt32(0))
        write(&bytes)
        bytes.setInteger(UInt32(clamping: bytes.readableBytes - 1), at: 1)
        return bytes
    }

    /// A string of the protocol's, which ends with a zero and holds none.
    static func text(_ text: String, to bytes: inout ByteBuffer) {
        bytes.writeBytes(text.utf8.lazy.filter { $0 != 0 })
        bytes.writeInteger(UInt8(0))
    }

    static let terminate = message(Tag.terminate) { _ in }
    static let flush = message(Tag.flush) { _ in }

    /// What a server fails for certain, and which says nothing of what stands in its place: no statement begins so.
    static let failingQuery = message(Tag.query) { text("bailey: refused", to: &$0) }

    /// The same in the extended protocol; a name, since to parse one without would take away the one that is there.
    static let failingParse = message(Tag.parse) { body in
        text("bailey", to: &body)
        text("bailey: refused", to: &body)
        body.writeInteger(UInt16(0))
    }

    static func describePortal(_ name: ByteBuffer) -> ByteBuffer {
        message(Tag.describe) { body in
            body.writeInteger(UInt8(ascii: "P"))
            body.writeImmutableBuffer(name)
            body.writeInteger(UInt8(0))
        }
    }
}

/// The process and the key of a session, by which it is cancelled.
///
/// Has no description: the key is a secret.
package struct BackendKey: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    package let process: UInt32
    package let key: UInt32

    package init(process: UInt32, key: UInt32) {
        self.process = process
        self.key = key
    }

    /// CancelRequest, a connection of its own.
    package var cancellation: ByteBuffer {
        var bytes = ByteBuffer()
        bytes.writeMultipleIntegers(UInt32(16), StartupCode.cancel, process, key)
        return bytes
    }

    package var description: String { "BackendKey(\(process))" }
    package var customMirror: Mirror { Mirror(self, children: ["process": process]) }
}

extension ByteBuffer {
    /// A string that ends with a zero, without it; nil where none ends.
    mutating func readTerminated() -> ByteBuffer? {
        guard let end = readableBytesView.firstIndex(of: 0) else { return nil }
        let text = readSlice(length: end - readerIndex)
        moveReaderIndex(forwardBy: 1)
        return text
    }

    /// The same, in UTF-8; nil where it is none.
    mutating func readText() -> String? {
        readTerminated().flatMap { String(validating: $0.readableBytesView, as: UTF8.self) }
    }
}
