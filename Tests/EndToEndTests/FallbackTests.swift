import Foundation
import Testing

extension EndToEnd {
    /// What is not spoken is said so at once, and clients do without it.
    @Suite(
        "Gateway: fallbacks",
        .serialized,
        .enabled(if: Internet.available, "needs root: a network of the test's own")
    )
    struct FallbackTests {
        let place: Place
        let internet: Internet

        init() throws {
            place = try Place()
            internet = try Internet.started()
        }

        @Test(
            "C27: a client that would like HTTP/2 in the clear is served in HTTP/1.1, also with what it asks for next"
        )
        func upgrade() throws {
            let attempt = try place.attempt(
                "curl -sS -m30 --http2 -w ' %{http_version}\\n' http://allowed.test/c27/a http://allowed.test/c27/b",
                in: internet
            )
            #expect(attempt.output.contains("reached allowed.test /c27/a\n 1.1"), "\(attempt)")
            #expect(attempt.output.contains("reached allowed.test /c27/b\n 1.1"), "\(attempt)")
            #expect(attempt.records.map(\.record.action) == ["GET /c27/a", "GET /c27/b"], "\(attempt)")
        }

        @Test(
            "C27: HTTP/2 in the clear without asking is refused, and the record says what it was",
            arguments: ["http://allowed.test/c27", "http://denied.test/c27"]
        )
        func priorKnowledge(url: String) throws {
            let attempt = try place.attempt("curl -sS -m30 --http2-prior-knowledge \(url)", in: internet)
            #expect(attempt.outcome.code != 0 && !attempt.output.contains("reached"), "\(attempt)")
            #expect(attempt.sink.isEmpty && attempt.queries.isEmpty, "\(attempt)")
            #expect(attempt.denied.map(\.record.reason) == ["unsupported"], "\(attempt)")
            #expect(
                attempt.denied.first?.record.message?.contains("HTTP/2 without TLS") == true,
                "\(attempt)"
            )
        }

        @Test(
            "J17: a server with an IPv4 address alone is reached over either family: each of its addresses is answered for",
            arguments: ["-4", "-6", ""]
        )
        func families(option: String) throws {
            let attempt = try place.attempt(
                "curl -sS -m30 \(option) https://allowed.test/v1/j17",
                in: internet
            )
            #expect(attempt.output.contains("reached allowed.test /v1/j17"), "\(attempt)")
            let control = try place.unconfined("curl -sSk -m30 -6 https://allowed.test/v1/j17", in: internet)
            #expect(!control.output.contains("reached"), "the control: \(control)")
        }

        @Test(
            "J17: a denied place refuses both families at once, and the client is told so, not left waiting"
        )
        func deniedFamilies() throws {
            let attempt = try place.attempt(
                "for family in -4 -6; do curl -sS -m30 $family -w ' %{http_code}\\n' -o /dev/null https://denied.test/; done",
                in: internet
            )
            #expect(attempt.output == " 403\n 403\n", "\(attempt)")
            #expect(attempt.sink.isEmpty && attempt.queries.isEmpty, "\(attempt)")
        }
    }
}
