import Audit
import Foundation
import Model
import Testing

/// What befalls a request that was allowed: it is on record, and is no further request.
struct SequelTests {
    private func written() throws -> StateFixture {
        let state = try StateFixture()
        let store = try state.open()
        var entries: [AuditEntry] = [Sample.spawn(Sample.root, argv: ["sh"])]
        for exchange in 1...3 {
            entries.append(Sample.request("GET /a", by: Sample.root, exchange: UInt64(exchange)))
            for part in ["headers", "body"] {
                let message = "the credential came back in the reply's \(part) and was masked there"
                entries.append(
                    Sample.sequel(
                        "GET /a",
                        of: UInt64(exchange),
                        by: Sample.root,
                        verdict: .allow,
                        message: message
                    )
                )
            }
        }
        entries += [
            Sample.request("GET /down", by: Sample.root, exchange: 4),
            Sample.sequel(
                "GET /down",
                of: 4,
                by: Sample.root,
                verdict: .deny,
                message: "could not be reached"
            ),
            Sample.request(
                "POST /x",
                by: Sample.root,
                verdict: .deny,
                message: "denied by the rule deny POST"
            ),
            Sample.request("POST /x", by: Sample.root, verdict: .deny),
            Sample.request("POST /x", by: Sample.root, verdict: .deny),
        ]
        #expect(store.appendTogether(entries).failures.isEmpty)
        return state
    }

    @Test
    func `A request counts once, whatever befell it, and refusals with other reasons are lines of their own`()
        throws
    {
        let state = try written()
        let tree = try #require(try AuditReader(directory: state.path).tree())
        #expect(tree.roots.first?.counts == ["allow": 4, "deny": 3])
        #expect(
            tree.text(TextStyle(isColoured: false)) == """
                run 0badcafe  user:alice
                └─ ci  0badcafe.1  profile ci  no end recorded  sh
                   ├─ allow   3x  GET /a https://api.example.com
                   ├─ note    3x  GET /a https://api.example.com  the credential came back in the reply's headers and \
                was masked there
                   ├─ note    3x  GET /a https://api.example.com  the credential came back in the reply's body and was \
                masked there
                   ├─ allow   1x  GET /down https://api.example.com
                   ├─ failed  1x  GET /down https://api.example.com  could not be reached
                   ├─ deny    1x  POST /x https://api.example.com  denied by the rule deny POST
                   └─ deny    2x  POST /x https://api.example.com  no rule allows it
                """
        )
    }

    @Test func `What befell a request is shown with it, and leads to it`() throws {
        let state = try written()
        let reader = try AuditReader(directory: state.path)
        for (number, request) in [(5, 5), (6, 5), (7, 5), (8, 8), (11, 11), (12, 11), (13, 13)] {
            let record = try #require(try reader.record(Int64(number)))
            #expect(try reader.request(of: record).sequence == Int64(request))
        }
        let record = try #require(try reader.record(5))
        let sequel = try reader.sequel(of: record)
        #expect(sequel.notes.count == 2 && sequel.reply == nil)
        let text = try #require(ExchangeText(record, sequel)).text(TextStyle(isColoured: false))
        #expect(
            text.contains("\nthe credential came back in the reply's body and was masked there\n"),
            "\(text)"
        )
        var lines: [String] = []
        try reader.records(matching: AuditQuery()) { record in
            lines.append(record.lines(TextStyle(isColoured: false)))
            return true
        }
        #expect(lines.filter { $0.contains("  note  ") }.count == 6)
        #expect(lines.filter { $0.contains("  failed  ") }.count == 1)
    }
}
