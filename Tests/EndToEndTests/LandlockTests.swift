import Foundation
import Testing

extension EndToEnd {
    /// `landlock:` of a profile, and what of it is on record.
    @Suite("Demands on Landlock", .serialized)
    struct LandlockTests {
        @Test(
            "R04, G26: a kernel with less than the profile demands runs nothing, and hears what there is and what to do"
        )
        func demanded() throws {
            let place = try Place()
            try place.profile("new", "extends: [base]\nlandlock: 64\n")
            try place.profile("old", "extends: [base]\nlandlock: 1\n")
            for words in [[], ["--allow-degraded", "landlock"]] {
                let outcome = try place.bailey(
                    ["run", "--profiles", place.profiles, "-p", "new"] + words + ["--", "touch", "ran"]
                )
                #expect(outcome.code == 125 && place.read("workspace/ran") == nil, "\(outcome)")
                #expect(
                    outcome.errors.contains("ABI 64") && outcome.errors.contains("newer kernel"),
                    "\(outcome)"
                )
            }
            #expect(
                try place.agent("echo ran", profile: "old").lines == ["ran"],
                "needs a kernel with Landlock"
            )
        }

        @Test("A child that demands less is wider; one that says nothing demands what its parent does")
        func children() throws {
            let place = try Place()
            try place.profile(
                "top",
                "extends: [base]\nlandlock: 2\nchildren: {profiles: [less, silent], depth: 1, count: 2}\n"
            )
            try place.profile("less", "extends: [base]\nlandlock: 1\n")
            try place.profile("silent", "extends: [base]\n")
            let less = try place.agent("bailey run -p less -- echo ran", profile: "top")
            #expect(less.code == 125 && less.errors.contains("landlock"), "\(less)")
            #expect(try place.agent("bailey run -p silent -- echo ran", profile: "top").lines == ["ran"])
        }

        @Test("The spawn record names the mechanism that bailey doctor names")
        func onRecord() throws {
            let place = try Place()
            #expect(try place.agent("true").code == 0)
            let record = try place.bailey(["audit", "--json"]).output
            let doctor = try place.bailey(["doctor", "--json"]).lines.first {
                $0.contains("\"name\":\"landlock\"")
            }
            let detail = try #require(
                doctor?.components(separatedBy: "\"detail\":\"").last?.prefix { $0 != "\"" }
            )
            #expect(record.contains("\"mechanisms\":{\"files\":"), "\(record)")
            #expect(record.contains("\"landlock\":\"\(detail)\""), "\(record)")
        }
    }
}
