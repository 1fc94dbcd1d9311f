internal import Foundation
package import Model

/// Sends records to an OpenTelemetry collector over OTLP/HTTP, in bounded batches, each again until the collector has it
/// or says that it will not (opentelemetry.io/docs/specs/otlp, "OTLP/HTTP").
package struct TelemetryExport {
    private let records: TelemetryRecords
    private let address: WebAddress
    /// Besides those that OTLP asks for: what lets us in.
    private let fields: [(name: String, value: String)]
    private let transport: any MessageTransport
    /// Waits so many milliseconds.
    private let wait: (Int) -> Void

    package init(
        _ source: ExportSource,
        to address: WebAddress,
        fields: [(name: String, value: String)],
        by transport: any MessageTransport,
        waiting wait: @escaping (Int) -> Void
    ) {
        records = TelemetryRecords(source)
        self.address = address
        self.fields =
            fields + [
                ("content-type", "application/json"), ("user-agent", "bailey/\(source.version)"),
            ]
        self.transport = transport
        self.wait = wait
    }

    /// What the collector has, and what it would not take.
    package struct Outcome: Sendable, Hashable {
        /// The last record that was dealt with: what a later export goes on behind.
        package internal(set) var reached: Int64
        package internal(set) var sent = 0
        /// Records that the collector rejected, and what it said of the last of them; it keeps the rest.
        package internal(set) var rejected: Int64 = 0
        package internal(set) var complaint: String?
    }

    /// Sends what is selected; throws `TelemetryFailure` where a batch could not be delivered.
    package func send(
        _ selection: RecordSelection,
        of export: RecordExport,
        progress: (Outcome) -> Void = { _ in }
    ) throws -> Outcome {
        var outcome = Outcome(reached: selection.after)
        var batch = Batch()
        try export.slices(selection) { slice, reached in
            for record in slice {
                batch.add(records.text(of: record), number: record.sequence)
                guard batch.isFull else { continue }
                try deliver(&batch, &outcome)
                progress(outcome)
            }
            if batch.texts.isEmpty { outcome.reached = reached }
        }
        if !batch.texts.isEmpty { try deliver(&batch, &outcome) }
        outcome.reached = export.end
        progress(outcome)
        return outcome
    }

    private struct Batch {
        var texts: [String] = []
        var octets = 0
        var last: Int64 = 0

        mutating func add(_ text: String, number: Int64) {
            texts.append(text)
            octets += text.utf8.count
            last = number
        }

        var isFull: Bool {
            texts.count >= AuditLimits.telemetryRecords || octets >= AuditLimits.telemetryOctets
        }
    }

    private func deliver(_ batch: inout Batch, _ outcome: inout Outcome) throws(TelemetryFailure) {
        let reply = try accepted(records.request(batch.texts), outcome)
        guard let answer = CollectorAnswer(reply.body, of: batch.texts.count) else {
            throw failure(
                "answered \(reply.status) with what is no answer of OTLP: is it a collector?",
                outcome
            )
        }
        outcome.rejected += answer.rejected
        outcome.complaint = answer.message.map(shown) ?? outcome.complaint
        outcome.sent += batch.texts.count
        outcome.reached = batch.last
        batch = Batch()
    }

    /// The answer to a request that was taken.
    private func accepted(_ body: String, _ outcome: Outcome) throws(TelemetryFailure) -> MessageReply {
        var pauses = RetryPauses()
        while true {
            switch attempt(body) {
            case .taken(let reply): return reply
            case .refused(let reason): throw failure(reason, outcome)
            case .later(let reason, let seconds):
                guard let pause = pauses.next(wanted: seconds) else {
                    throw failure("\(reason), and so it was for \(pauses.waited / 1_000) s", outcome)
                }
                wait(pause)
            }
        }
    }

    private enum Attempt {
        case taken(MessageReply)
        case refused(String)
        /// What may go well later, in so many seconds where the collector says so.
        case later(String, Int?)
    }

    private func attempt(_ body: String) -> Attempt {
        do throws(MessageFailure) {
            let reply = try transport.post(
                OperatorMessage(address, fields: fields, body: body, timeout: AuditLimits.telemetryAnswer)
            )
            switch reply.status {
            case 200...299: return .taken(reply)
            // "Retryable Response Codes" of OTLP/HTTP.
            case 429, 502, 503, 504: return .later("answered \(reply.status)", reply.retryAfter)
            default: return .refused(Self.words(reply.status))
            }
        } catch {
            return .later("does not answer: \(error.message)", nil)
        }
    }

    private static func words(_ status: Int) -> String {
        let remedy =
            switch status {
            case 300...399: "no redirect is followed: name the place that it points to"
            case 401, 403: "look at OTEL_EXPORTER_OTLP_HEADERS"
            case 404, 405: "look at the path: most collectors have /v1/logs"
            case 413: "let it take requests of \(2 * AuditLimits.telemetryOctets) octets"
            case 415: "it has to take JSON (OTLP/HTTP with application/json)"
            default: "look at its log"
            }
        return "answered \(status); \(remedy)"
    }

    /// What a collector says, without what lets us in, should it repeat that.
    private func shown(_ text: String) -> String {
        let secrets = fields.map(\.value).filter { $0.utf8.count >= Self.shortestSecret }
        guard !secrets.contains(where: { text.firstPlace(ofText: $0) != nil }) else {
            return "(it repeats a header of the request)"
        }
        return TerminalText.escaped(String(decoding: text.utf8.prefix(Self.shownOctets), as: UTF8.self))
    }

    /// Octets of a header's value that no sentence has in it by chance.
    private static let shortestSecret = 6
    /// Octets of a collector's complaint: a line.
    private static let shownOctets = 300

    private func failure(_ reason: String, _ outcome: Outcome) -> TelemetryFailure {
        TelemetryFailure(place: "\(address)", reason: reason, reached: outcome.reached)
    }
}

/// Records could not be delivered.
package struct TelemetryFailure: Error, Sendable, Hashable, CustomStringConvertible {
    let place: String
    let reason: String
    /// The last record that was.
    package let reached: Int64

    package var description: String {
        "\(place) \(TerminalText.escaped(reason)). Records up to \(reached) were delivered; go on with --after \(reached)"
    }
}

/// How long to wait before each further attempt: twice as long each time, with some chance in it, so that not all come back
/// at once, and no shorter than the collector wants.
struct RetryPauses {
    private var pause = AuditLimits.telemetryPause
    /// Milliseconds so far.
    private(set) var waited = 0

    /// Milliseconds; nil when it has been long enough.
    mutating func next(wanted seconds: Int?) -> Int? {
        let wanted = max(0, min(seconds ?? 0, AuditLimits.telemetryPatience)) * 1_000
        let next = max(Int.random(in: pause / 2...pause), wanted)
        guard waited + next <= AuditLimits.telemetryPatience * 1_000 else { return nil }
        waited += next
        pause = min(2 * pause, AuditLimits.telemetryLongestPause)
        return next
    }
}

/// An ExportLogsServiceResponse.
struct CollectorAnswer {
    /// Records that it would not take, of those that were sent.
    let rejected: Int64
    let message: String?

    private struct Body: Decodable {
        struct Partial: Decodable {
            let rejectedLogRecords: Count?
            let errorMessage: String?
        }

        let partialSuccess: Partial?
    }

    /// A 64-bit integer: a string, as Protobuf's JSON has it, or a number.
    private struct Count: Decodable {
        let value: Int64

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self), let value = Int64(text) {
                self.value = value
            } else {
                value = try container.decode(Int64.self)
            }
        }
    }

    /// Nil for what is none.
    init?(_ octets: [UInt8], of sent: Int) {
        guard !octets.isEmpty else {
            (rejected, message) = (0, nil)
            return
        }
        guard let body = try? JSONDecoder().decode(Body.self, from: Data(octets)) else { return nil }
        rejected = min(max(body.partialSuccess?.rejectedLogRecords?.value ?? 0, 0), Int64(sent))
        message = body.partialSuccess?.errorMessage.flatMap { $0.isEmpty ? nil : $0 }
    }
}
