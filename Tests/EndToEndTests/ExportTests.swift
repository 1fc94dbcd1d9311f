import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `bailey audit export` of a real run: JSON Lines, OCSF, and a collector of OpenTelemetry.
    @Suite("Export", .serialized)
    struct ExportTests {
        let place: Place
        let servers: Servers

        init() throws {
            place = try Place()
            servers = try Servers.started()
            try place.write(servers.operatorConfiguration, to: place.configuration + "/bailey.yaml")
            let rule = "to: \"\(origin)\", private: true, allow: [\"GET /v1/**\", \"POST /v1/**\"]"
            try place.profile(
                "parent",
                "extends: [base]\negress: [{\(rule)}]\nchildren: {profiles: [child], depth: 1, count: 4}\n"
            )
            try place.profile("child", "extends: [base]\negress: [{\(rule)}]\n")
        }

        private var origin: String { "https://allowed.test:\(servers.tlsPort)" }
        private static let token = "ghp_" + "R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m"

        /// A parent and a child with requests that are allowed and refused, one of which carries a token, and a refused launch.
        private func family() throws {
            let outcome = try place.agent(
                """
                curl -sS -m30 -o got '\(origin)/v1/parent?q=1'
                curl -sS -m30 -o got '\(origin)/v2/parent?t=\(Self.token)'
                bailey run -p child --name kid -- curl -sS -m30 -o got -d x '\(origin)/v1/kid'
                curl -sS -m5 -o got http://8.8.8.8:81/; bailey run -p base -- true; true
                """,
                profile: "parent"
            )
            #expect(outcome.code == 0, "\(outcome)")
            #expect(try place.records().count >= 4)
        }

        private func listing() throws -> [String] { try place.bailey(["audit", "--json"]).lines }

        @Test("JSON Lines: every record of a real run, goes on behind the last one, and holds no secret")
        func jsonLines() throws {
            try family()
            let file = place.root + "/all.jsonl"
            let export = try place.bailey(["audit", "export", "--format", "jsonl", "-o", file])
            let all = try #require(place.read(file)).split(separator: "\n").map(String.init)
            #expect(export.code == 0 && export.output.hasPrefix("\(all.count) records in "), "\(export)")
            #expect(try all == listing())
            #expect(!all.joined().contains(Self.token))
            let rest = try place.bailey(["audit", "export", "--format", "jsonl", "--after", "2"])
            #expect(rest.code == 0 && rest.lines == Array(all.dropFirst(2)), "\(rest)")
            let beyond = try place.bailey([
                "audit", "export", "--format", "jsonl", "--after", "\(all.count + 1)",
            ])
            #expect(beyond.code == 1 && beyond.errors.contains("ends at record \(all.count)"), "\(beyond)")
        }

        @Test("I: a log that was changed is not exported, and no file is left")
        func changed() throws {
            try family()
            let file = place.root + "/all.jsonl"
            let change = try place.control(
                "sqlite3 \"$XDG_STATE_HOME/bailey/audit.sqlite\" \"UPDATE records SET verdict = 'allow' WHERE verdict = 'deny'\""
            )
            try #require(change.code == 0, "\(change)")
            for format in ["jsonl", "ocsf", "otlp"] {
                let export = try place.bailey(["audit", "export", "--format", format, "-o", file])
                #expect(export.code == 1 && export.errors.contains("changed"), "\(export)")
                #expect(place.read(file) == nil)
            }
        }

        @Test(
            "OCSF: each event of a real run is valid in the published schema 1.5.0",
            .enabled(if: OCSFValidator.isThere, "needs the packages of Tests/requirements.txt")
        )
        func ocsf() throws {
            try family()
            let export = try place.bailey(["audit", "export", "--format", "ocsf"])
            #expect(export.code == 0, "\(export)")
            let outcome = try OCSFValidator.validate(export.output)
            #expect(outcome.code == 0, "\(outcome)")
            #expect(
                Set(["1007.1", "1007.2", "4002.3", "4002.6"]).isSubset(of: outcome.lines),
                "\(outcome)"
            )
            #expect(export.output.contains("\"decision\":\"deny\""), "each level's word is there")
            #expect(!export.output.contains(Self.token))
        }

        private func otlp(_ url: String, _ words: [String] = [], headers: String = "") throws -> Outcome {
            try place.bailey(
                ["audit", "export", "--otlp", url] + words,
                environment: ["OTEL_EXPORTER_OTLP_HEADERS": headers]
            )
        }

        @Test(
            "OTLP: a collector reads every record of a real run by the published definitions, over TLS",
            .enabled(if: Collector.isThere, "needs the packages of Tests/requirements.txt")
        )
        func collector() throws {
            try family()
            let collector = try Collector.started()
            let (all, mark) = (try listing(), "/\(UUID().uuidString)/")
            let url = "https://allowed.test:\(collector.tlsPort)\(mark)v1/logs"
            let sent = try otlp(url, headers: "authorization=Bearer%20let-me-in")
            #expect(sent.code == 0, "\(sent)")
            #expect(sent.output == "\(all.count) records sent, up to record \(all.count)\n", "\(sent)")
            let lines = try collector.lines(with: mark)
            #expect(lines.count == all.count, "\(lines)")
            #expect(lines.allSatisfy { $0.contains(" bailey Bearer let-me-in ") }, "\(lines)")
            #expect(
                lines.contains { $0.contains(" bailey.request INFO ") && $0.hasSuffix(" GET GET_/v1/parent") }
            )
            #expect(
                lines.contains { $0.contains(" bailey.request WARN ") && $0.hasSuffix(" GET GET_/v2/parent") }
            )
            #expect(lines.contains { $0.contains(" bailey.spawn INFO ") })
            #expect(!lines.joined().contains(Self.token))
        }

        @Test(
            "OTLP: a busy collector is tried again, what it rejects is said, and one without a path is asked at /v1/logs",
            .enabled(if: Collector.isThere, "needs the packages of Tests/requirements.txt")
        )
        func answers() throws {
            try family()
            let collector = try Collector.started()
            let count = try listing().count
            let origin = "http://localhost:\(collector.port)"
            let mark = UUID().uuidString
            let busy = try otlp("\(origin)/busy/\(mark)/v1/logs")
            #expect(busy.code == 0 && busy.output.hasPrefix("\(count) records sent"), "\(busy)")
            #expect(try collector.lines(with: mark).count { $0.contains(" busy ") } == 2)
            #expect(try collector.lines(with: mark).count { $0.contains(" record ") } == count)
            let partial = try otlp("\(origin)/partial/v1/logs")
            #expect(
                partial.code == 1 && partial.errors.contains("rejected 1 of them: one is too old"),
                "\(partial)"
            )
            let bare = try otlp(origin, ["--after", "\(count - 1)"])
            #expect(bare.code == 0 && bare.output.hasPrefix("1 records sent"), "\(bare)")
            let lost = try otlp("\(origin)/nowhere", headers: "authorization=Bearer%20let-me-in")
            #expect(
                lost.code == 1 && lost.errors.contains("answered 404") && lost.errors.contains("--after 0"),
                "\(lost)"
            )
            #expect(!lost.errors.contains("let-me-in"))
        }

        @Test(
            "OTLP: what is no place, no header or no verified server is refused, and no secret is in the error"
        )
        func refused() throws {
            try family()
            for url in ["http://allowed.test:4318", "ftp://localhost:1", "https://", "collector"] {
                let outcome = try otlp(url)
                #expect(outcome.code == 1 && outcome.errors.contains("is no place to send to"), "\(outcome)")
            }
            let header = try otlp("https://allowed.test:1", headers: "hunter2secret")
            #expect(
                header.code == 1 && header.errors.contains("OTEL_EXPORTER_OTLP_HEADERS: entry 1"),
                "\(header)"
            )
            #expect(!header.errors.contains("hunter2secret"))
        }

        @Test(
            "OTLP as a file: a request a line, as the collector would get it",
            .enabled(if: Collector.isThere, "needs the packages of Tests/requirements.txt")
        )
        func file() throws {
            try family()
            let export = try place.bailey(["audit", "export", "--format", "otlp"])
            #expect(export.code == 0 && export.lines.count == 1, "\(export)")
            let count = try listing().count
            let read = try Command.run(
                ["/usr/bin/python3", "-c", Self.reader],
                environment: ["PATH": "/usr/bin:/bin", "PYTHONPATH": Python.folder],
                directory: "/",
                input: Data(export.output.utf8)
            )
            #expect(read.output == "\(count)\n", "\(read)")
        }

        private static let reader = """
            import sys
            from google.protobuf import json_format
            from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
            print(sum(len(s.log_records) for l in sys.stdin for r in json_format.Parse(l, LogsData()).resource_logs for s in r.scope_logs))
            """
    }
}
