import Foundation
import Testing

/// A collector of OpenTelemetry over OTLP/HTTP, in the clear and over TLS: what it gets it reads with the published protobuf
/// definitions, where a name that they do not have is an error, and says of each record what it understood.
///
/// `/busy/…` is busy for a request of each record's number twice, `/partial/…` rejects one, `/away/…` is away.
final class Collector: Sendable {
    private let server: PythonServer

    /// In the clear.
    var port: UInt16 { server.ports[0] }
    var tlsPort: UInt16 { server.ports[1] }

    static let isThere = FileManager.default.fileExists(
        atPath: "\(Python.folder)/opentelemetry/proto/logs/v1/logs_pb2.py"
    )

    private static let shared = Result { try Collector() }

    static func started() throws -> Collector { try shared.get() }

    private init() throws {
        server = try PythonServer(
            "collector",
            "sys.path.insert(0, '\(Python.folder)')\n" + Self.program,
            ports: 2
        )
    }

    /// What it has logged of requests with this mark in their path.
    func lines(with mark: String) throws -> [String] { try server.lines(with: mark) }

    private static let program = #"""
        import http.server, json
        from google.protobuf import json_format
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
        tried = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *words): pass

            def answer(self, status, body=b"", **fields):
                self.send_response(status)
                for name, value in fields.items(): self.send_header(name.replace("_", "-"), value)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers["content-type"] != "application/json": return self.answer(415)
                if not self.path.endswith("/v1/logs"): return self.answer(404)
                if "/away/" in self.path: return self.answer(503)
                try: request = json_format.Parse(body, ExportLogsServiceRequest())
                except Exception as fault:
                    log.write("%s unreadable %s\n" % (self.path, fault))
                    return self.answer(400)
                tried[body] = tried.get(body, 0) + 1
                if "/busy/" in self.path and tried[body] < 3:
                    log.write("%s busy %d\n" % (self.path, tried[body]))
                    return self.answer(429, retry_after="0")
                for resource in request.resource_logs:
                    named = {a.key: a.value.string_value for a in resource.resource.attributes}
                    for scope in resource.scope_logs:
                        for record in scope.log_records:
                            said = {a.key: a.value for a in record.attributes}
                            payload = json.loads(record.body.string_value)
                            log.write("%s record %d %s %s %d %s %s %s %s\n" % (
                                self.path, said["bailey.record"].int_value, record.event_name, record.severity_text,
                                record.time_unix_nano, named["service.name"], self.headers.get("authorization"),
                                said["http.request.method"].string_value if "http.request.method" in said else "-",
                                payload.get("action", "-").replace(" ", "_")))
                response = ExportLogsServiceResponse()
                if "/partial/" in self.path:
                    response.partial_success.rejected_log_records = 1
                    response.partial_success.error_message = "one is too old"
                self.answer(200, json_format.MessageToJson(response).encode())

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            def handle_error(self, *words): pass

        plain, tls = Server(("127.0.0.1", ports[0]), Handler), Server(("127.0.0.1", ports[1]), Handler)
        tls.socket = context.wrap_socket(tls.socket, server_side=True)
        threading.Thread(target=plain.serve_forever, daemon=True).start()
        tls.serve_forever()
        """#
}
