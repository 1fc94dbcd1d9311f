internal import Foundation
internal import Model
internal import PostgresLink

/// The supervisor that holds what is asked: of which machine, by the key of its log, and which one there.
package struct FleetHolder: Sendable {
    package let machine: String
    package let supervisor: String

    package init(machine: String, supervisor: String) {
        (self.machine, self.supervisor) = (machine, supervisor)
    }

    /// By their octets.
    package func isSame(as other: FleetHolder) -> Bool {
        machine.isSame(as: other.machine) && supervisor.isSame(as: other.supervisor)
    }
}

/// What one machine of a fleet says to others of an approval: one row of their database, signed by the key of its log.
package struct FleetMessage: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        /// Something waits.
        case asked
        /// It does no more.
        case ended
        /// Somebody elsewhere approves or denies it.
        case answered
        /// What became of such an answer.
        case settled
    }

    package let kind: Kind
    /// The machine that says so, by its key in lower-case hex.
    package let chain: String
    package let holder: FleetHolder
    /// `RUN-N`.
    package let question: String
    /// JSON, as it is signed.
    package let text: [UInt8]
    let signature: [UInt8]

    private static let domain = "bailey-fleet-approval\t1"

    /// Signed by that chain's key.
    init(
        _ kind: Kind,
        chain: String,
        to holder: FleetHolder,
        about question: String,
        text: [UInt8],
        sign: ([UInt8]) throws -> [UInt8]
    ) rethrows {
        (self.kind, self.chain, self.holder) = (kind, chain, holder)
        (self.question, self.text) = (question, text)
        signature = try sign(Self.signed(kind, chain, holder, question, text))
    }

    /// Of `FleetStatement.readColumns`; nil for what is none, whoever signed it.
    init?(_ row: ArraySlice<PostgresConnection.Row.Element>) {
        let values = row.map(\.octets)
        guard values.count == 7, let kind = Self.text(values[0]).flatMap({ Kind(rawValue: $0) }),
            let chain = Self.text(values[1]), let machine = Self.text(values[2]),
            let supervisor = Self.text(values[3]), let question = Self.text(values[4]),
            Self.isQuestion(question), let text = values[5], let signature = values[6]
        else { return nil }
        (self.kind, self.chain, self.question) = (kind, chain, question)
        holder = FleetHolder(machine: machine, supervisor: supervisor)
        (self.text, self.signature) = (text, signature)
    }

    /// Whether the machine that it names signed all of it.
    package var isGenuine: Bool {
        guard chain.utf8.count == FleetLimits.chain, let octets = Data(hex: chain.utf8),
            let key = VerifyingKey(octets), key.octets.hex.isSame(as: chain)
        else { return false }
        let signed = Self.signed(kind, chain, holder, question, text)
        return key.accepts(Data(signature), of: Data(signed))
    }

    /// The form of a question's id, which stands in statements and on screens.
    package static func isQuestion(_ id: String) -> Bool {
        (1...FleetLimits.question).contains(id.utf8.count)
            && id.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x66).contains($0) || $0 == UInt8(ascii: "-")
            }
    }

    private static func signed(
        _ kind: Kind,
        _ chain: String,
        _ holder: FleetHolder,
        _ question: String,
        _ text: [UInt8]
    ) -> [UInt8] {
        var lines = CanonicalLines(domain)
        lines.line("kind", kind.rawValue)
        lines.line("chain", chain)
        lines.line("holder", holder.machine)
        lines.line("supervisor", holder.supervisor)
        lines.line("question", question)
        // As it is: no text is made of octets that are none.
        return lines.octets + Array("text\t\(text.count):".utf8) + text
    }

    private static func text(_ octets: [UInt8]?) -> String? {
        octets.flatMap { String(validating: $0, as: UTF8.self) }
    }
}
