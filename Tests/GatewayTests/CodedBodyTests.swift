import Foundation
import Gateway
import Model
import Testing

/// Bodies that stand for more than a loop looks through in one turn.
@Suite struct CodedBodyTests {
    @Test(arguments: ["nothing", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"])
    func `A coded body of many turns arrives whole, and what is in its last octets is found`(
        last: String
    ) throws {
        let scratch = try Scratch()
        let text = (0..<400_000).map { "line \($0) of a text\n" }.joined() + last + "\n"
        let file = try scratch.write("text", text)
        let coded = try Program.run("/usr/bin/timeout", ["60", "gzip", "-1", file])
        try #require(coded.status == 0, "\(coded.errors)")
        let body = try Array(#require(FileManager.default.contents(atPath: file + ".gz")))
        // What comes last of a body tells that it is whole.
        let server = try OneConnectionServer { $0.suffix(64).elementsEqual(body.suffix(64)) }
        let house = try House([web(.http, "allowed.test", server.port)])
        try house.capture("allowed.test", server.port)
        let got = try house.curl([
            "-H", "Content-Encoding: gzip", "-H", "Expect:", "--data-binary", "@" + file + ".gz",
            "http://allowed.test:\(server.port)/v1/x",
        ])
        if last == "nothing" {
            #expect(got.output == "ok\n", "\(got.errors)")
            #expect(server.received.suffix(body.count).elementsEqual(body))
        } else {
            #expect(!server.received.suffix(64).elementsEqual(body.suffix(64)))
            #expect(house.recorder.first { $0.reason == .secretLeaving } != nil)
        }
    }
}
