import Foundation
import TestSupport
import Testing

/// `bailey trace`, of what really went over a gateway.
extension EndToEnd.PostgresTests {
    @Test("bailey trace: who received a masked column, what each hop ran and sent, and a picture of the run")
    func trace() throws {
        try rules(allow: ["select on public.*"], more: "    mask: [column people.email]", profile: "masked")
        let outcome = try psql("psql -XAtc 'SELECT name, email FROM people'", profile: "masked")
        #expect(outcome.code == 0 && !outcome.output.contains("@"), "\(outcome)")
        let sightings = try place.bailey(["trace", "--who-saw", "column people.email", "--json"])
        #expect(sightings.code == 0, "\(sightings)")
        struct Line: Decodable {
            let agent: String
            let what: String
            let count: Int
        }
        let lines = try sightings.lines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        #expect(lines.map(\.what) == ["column public.people.email"] && lines.allSatisfy { $0.count > 0 })
        let agent = try #require(lines.first?.agent)
        let trace = try place.bailey(["trace", agent])
        #expect(trace.code == 0, "\(trace)")
        for text in [
            "masked  column public.people.email \(lines[0].count)", "/psql -XAtc", "(evidence)",
            "allow  1x  select on",
        ] {
            #expect(trace.output.contains(text), "\(text) in \(trace)")
        }
        let picture = try place.bailey(["trace", agent, "--svg"])
        #expect(picture.code == 0 && picture.output.hasPrefix("<svg ") && picture.output.contains("<circle"))
        try place.write(picture.output, to: "run.svg")
        let parsed = try place.control(
            "python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' \(place.root)/run.svg"
        )
        #expect(parsed.code == 0, "\(parsed)")
        let nobody = try place.bailey(["trace", "--who-saw", "column people.name"])
        #expect(
            nobody.code == 1 && nobody.errors.contains("nothing of 'column people.name' is on record"),
            "\(nobody)"
        )
        #expect(try place.bailey(["trace", "--who-saw", "ssn"]).code == 64)
        let drawn = try place.bailey(["trace", "user:nobody-of-that-name", "--svg"])
        #expect(drawn.code == 64 && drawn.errors.contains("--svg draws one run"), "\(drawn)")
        #expect(try place.bailey(["trace", "user:nobody-of-that-name"]).code == 1)
    }
}
