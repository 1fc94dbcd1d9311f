internal import ArgumentParser
internal import Audit
internal import Foundation
internal import Model

/// Prints a recorded body.
struct BodyOutput {
    private let exchange: ExchangeText
    private let side: BodySide
    private let reader: BodyReader

    init(_ exchange: ExchangeText, _ side: BodySide, _ reader: BodyReader) {
        (self.exchange, self.side, self.reader) = (exchange, side, reader)
    }

    func print() throws {
        let run = exchange.record.run
        guard let number = exchange.exchange else { throw NotRecorded(why: "nothing of it went out") }
        guard let reply = exchange.reply else {
            try reader.readUnfinished(side, of: number, run: run, write)
            throw NotRecorded(
                why: "its end is not on record: it is under way, or the supervisor was killed in it"
            )
        }
        guard let bodies = reply.bodies else {
            throw NotRecorded(why: "no profile of its lineage says 'record: full'")
        }
        guard let body = bodies.first(where: { $0.side == side }) else {
            throw NotRecorded(
                why: reply.cause.map {
                    "none of it was passed on, if there was one: \(TerminalText.escaped($0))"
                }
                    ?? "the \(side.rawValue) had none"
            )
        }
        try reader.read(body, of: number, run: run, write)
        if let missing = body.missing { throw NotRecorded(why: missing) }
    }

    /// As it is; on a terminal so that it can do nothing to it.
    private func write(_ octets: [UInt8]) throws {
        guard isatty(STDOUT_FILENO) == 1 else {
            return try FileHandle.standardOutput.write(contentsOf: Data(octets))
        }
        let lines = String(decoding: octets, as: UTF8.self).cut(at: "\n", omittingEmptySubsequences: false)
        let shown = lines.map { TerminalText.escaped(String($0)) }.joined(separator: "\n")
        try FileHandle.standardOutput.write(contentsOf: Data(shown.utf8))
    }
}

/// Not all of a body is there.
struct NotRecorded: Error, CustomStringConvertible {
    let why: String

    var description: String { "not all of the body is recorded: \(why)" }
}
