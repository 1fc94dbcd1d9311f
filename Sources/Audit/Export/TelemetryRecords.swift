internal import Model

/// Makes log records of OpenTelemetry of records, in the JSON encoding of OTLP 1.x
/// (opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding"): names in lower camel case, 64-bit integers as strings.
package struct TelemetryRecords: Sendable {
    private let source: ExportSource

    package init(_ source: ExportSource) {
        self.source = source
    }

    /// As the file exporter writes them, a request a line (opentelemetry.io/docs/specs/otel/protocol/file-exporter).
    package func lines(of records: [AuditRecord]) -> [String] {
        stride(from: 0, to: records.count, by: AuditLimits.telemetryRecords).map { start in
            TerminalText.escapedJSON(
                request(records[start...].prefix(AuditLimits.telemetryRecords).map(text))
            )
        }
    }

    /// One request to a collector: an ExportLogsServiceRequest.
    func request(_ records: [String]) -> String {
        var json = CanonicalJSON()
        json.object { json in
            json.member("resourceLogs") { json in
                json.array([records]) { json, records in
                    json.object { json in
                        json.member("resource") { json in
                            json.object { json in json.member("attributes") { $0.attributes(resource) } }
                        }
                        json.member("scopeLogs") { json in
                            json.array([records]) { json, records in
                                json.object { json in
                                    json.member("logRecords") { json in
                                        json.array(records) { $0.raw(Array($1.utf8)) }
                                    }
                                    json.member("scope") { json in
                                        json.object { json in
                                            json.member("name", "bailey.audit")
                                            json.member("version", source.version)
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        return String(decoding: json.octets, as: UTF8.self)
    }

    private var resource: [(String, AttributeValue)] {
        [
            ("host.name", .text(source.host)), ("service.name", .text("bailey")),
            ("service.version", .text(source.version)),
        ]
    }

    /// One record as a LogRecord; what it says is its body, as it was hashed.
    func text(of record: AuditRecord) -> String {
        // A time before 1970 is a clock that was not set; the field is unsigned.
        let nanoseconds = UInt64(clamping: record.time.milliseconds).multipliedReportingOverflow(
            by: 1_000_000
        )
        let time = nanoseconds.overflow ? "0" : "\(nanoseconds.partialValue)"
        let severity = Severity(record)
        var json = CanonicalJSON()
        json.object { json in
            json.member("attributes") { $0.attributes(Self.attributes(of: record)) }
            json.member("body") { json in
                json.object { $0.member("stringValue", record.payload) }
            }
            json.member("eventName", "bailey.\(record.kind)")
            json.member("observedTimeUnixNano", time)
            json.member("severityNumber", severity.rawValue)
            json.member("severityText", severity.text)
            json.member("timeUnixNano", time)
        }
        return String(decoding: json.octets, as: UTF8.self)
    }

    /// Of the data model of logs (opentelemetry.io/docs/specs/otel/logs/data-model, "Severity Fields").
    private enum Severity: Int {
        case info = 9
        case warn = 13

        init(_ record: AuditRecord) {
            switch record.entry {
            case .request(let request):
                self = request.verdict == .allow || request.isPostponed ? .info : .warn
            case .spawnRefused: self = .warn
            case .revocation(let revocation): self = revocation.isLifted ? .info : .warn
            case .custody(let custody): self = custody.event.isFailure ? .warn : .info
            case .spawn, .exit, .replies, .approval, .renewal, nil: self = .info
            }
        }

        var text: String {
            switch self {
            case .info: "INFO"
            case .warn: "WARN"
            }
        }
    }

    private static func attributes(of record: AuditRecord) -> [(String, AttributeValue)] {
        var attributes: [(String, AttributeValue)] = [
            ("bailey.kind", .text(record.kind)), ("bailey.lineage", .text(record.lineage)),
            ("bailey.record", .number(record.sequence)),
        ]
        if !record.run.isEmpty { attributes.append(("bailey.run", .text(record.run))) }
        if let agent = record.agent { attributes.append(("bailey.agent", .text(agent))) }
        if let verdict = record.verdict { attributes.append(("bailey.verdict", .text(verdict))) }
        return attributes + conventional(record.entry)
    }

    /// Those that OpenTelemetry's semantic conventions name.
    private static func conventional(_ entry: AuditEntry?) -> [(String, AttributeValue)] {
        switch entry {
        case .request(let request): conventional(request)
        case .spawn(let spawn):
            [
                ("process.command_args", .texts(spawn.argv)),
                ("process.executable.path", .text(spawn.program)),
                ("process.working_directory", .text(spawn.workingDirectory)),
                ("user.name", .text(spawn.lineage.principal.subject)),
            ]
        case .spawnRefused(let refusal):
            [
                ("process.command_args", .texts(refusal.argv)),
                ("user.name", .text(refusal.principal.subject)),
            ]
        case .exit(let exit): [("process.exit.code", .number(Int64(exit.status)))]
        case .renewal(let renewal): [("user.name", .text(renewal.principal.subject))]
        case .replies, .revocation, .approval, .custody, nil: []
        }
    }

    private static func conventional(_ request: RequestRecord) -> [(String, AttributeValue)] {
        var attributes: [(String, AttributeValue)] = [
            ("user.name", .text(request.lineage.principal.subject))
        ]
        if let place = ResourceText(request.resource) {
            attributes.append(("server.address", .text(place.host)))
            if let port = place.port { attributes.append(("server.port", .number(Int64(port)))) }
            attributes.append(("url.scheme", .text(place.scheme)))
        }
        if let action = HTTPActionText(request.action) {
            attributes.append(("http.request.method", .text(action.method)))
            attributes.append(("url.path", .text(action.path)))
            if let query = request.query { attributes.append(("url.query", .text(query))) }
        }
        if let statement = request.statement {
            attributes.append(("db.query.text", .text(statement.text.shown)))
            attributes.append(("db.system.name", .text("postgresql")))
        }
        if let reason = request.reason { attributes.append(("error.type", .text(reason.rawValue))) }
        return attributes
    }
}

/// A value of an attribute.
private enum AttributeValue {
    case text(String)
    case texts([String])
    case number(Int64)
}

extension CanonicalJSON {
    fileprivate mutating func attributes(_ attributes: [(String, AttributeValue)]) {
        array(attributes) { json, attribute in
            json.object { json in
                json.member("key", attribute.0)
                json.member("value") { $0.write(attribute.1) }
            }
        }
    }

    private mutating func write(_ value: AttributeValue) {
        object { json in
            switch value {
            case .text(let text): json.member("stringValue", text)
            case .number(let number): json.member("intValue", "\(number)")
            case .texts(let texts):
                json.member("arrayValue") { json in
                    json.object { json in
                        json.member("values") { json in
                            json.array(texts) { json, text in json.object { $0.member("stringValue", text) } }
                        }
                    }
                }
            }
        }
    }
}
