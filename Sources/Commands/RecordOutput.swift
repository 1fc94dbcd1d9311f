internal import ArgumentParser
internal import Audit
internal import Client
internal import Glibc
internal import Supervisor

/// Records on their way to a file, standard output or a collector.
struct RecordOutput {
    private let selection: RecordSelection
    private let export: RecordExport
    private let source: ExportSource

    init(_ selection: RecordSelection, _ export: RecordExport) {
        self.selection = selection
        self.export = export
        source = ExportSource(version: Version.current, host: Self.host())
    }

    /// One or several lines for each record; of OTLP one for several.
    func write(_ format: ExportFormat, to output: String?) throws {
        let progress = ProgressLine()
        defer { progress.clear() }
        let lines = try Self.lines(format, source)
        var count = 0
        try ExportedFile.write(to: output) { line in
            try export.slices(selection) { records, reached in
                for text in try lines(records) { try line(text) }
                count += records.count
                progress.show { "\(reached) of \(export.end) records, \(count) written" }
            }
        }
        guard let output else { return }
        progress.clear()
        print("\(count) records in \(output), up to record \(export.end)")
    }

    private static func lines(
        _ format: ExportFormat,
        _ source: ExportSource
    ) throws -> ([AuditRecord]) throws -> [String] {
        switch format {
        case .jsonl:
            return { try $0.map { try $0.json() } }
        case .ocsf:
            let events = OCSFEvents(source)
            return { try $0.flatMap { try events.lines(of: $0) } }
        case .otlp:
            let records = TelemetryRecords(source)
            return { records.lines(of: $0) }
        case .receipts:
            throw ValidationError("receipts are written by their own")
        }
    }

    /// To a collector.
    func send(to address: String, _ configuration: String?) throws {
        let delivery = try TelemetryDelivery(to: address, configuration: configuration, source: source)
        let progress = ProgressLine()
        defer { progress.clear() }
        let outcome = try delivery.send(selection, of: export) { outcome in
            progress.show { "\(outcome.reached) of \(export.end) records, \(outcome.sent) sent" }
        }
        progress.clear()
        print("\(outcome.sent) records sent, up to record \(outcome.reached)")
        guard outcome.rejected > 0 else {
            if let complaint = outcome.complaint { RunCommand.complain("the collector warns: \(complaint)") }
            return
        }
        RunCommand.complain(
            "the collector rejected \(outcome.rejected) of them"
                + (outcome.complaint.map { ": \($0)" } ?? "; look at its log")
        )
        throw ExitCode(1)
    }

    private static func host() -> String {
        var name = utsname()
        guard unsafe uname(&name) == 0 else { return "localhost" }
        let text = unsafe withUnsafeBytes(of: &name.nodename) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return text.isEmpty ? "localhost" : text
    }
}
