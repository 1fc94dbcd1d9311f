import Foundation
import Testing

extension EndToEnd {
    @Suite("bailey doctor", .serialized)
    struct DoctorTests {
        let place: Place

        init() throws {
            place = try Place()
        }

        /// One check as `--json` prints it.
        private struct Check: Decodable {
            let name: String
            let purpose: String
            let state: String
            let remedy: String?
            let required: Bool
            let blocks: Bool
        }

        private func checks(_ outcome: Outcome) throws -> [Check] {
            try outcome.output.split(separator: "\n").map {
                try JSONDecoder().decode(Check.self, from: Data($0.utf8))
            }
        }

        @Test("Where agents run it exits 0, says what each thing is for, and how to get what is missing")
        func healthy() throws {
            try #require(try place.agent("true").code == 0)
            let outcome = try place.bailey(["doctor"])
            #expect(outcome.code == 0, "\(outcome)")
            let checks = try checks(place.bailey(["doctor", "--json"]))
            #expect(checks.count >= 20 && Set(checks.map(\.name)).count == checks.count)
            #expect(
                checks.allSatisfy {
                    !$0.purpose.isEmpty && !$0.blocks && ($0.state == "ok" || $0.remedy != nil)
                }
            )
            for name in [
                "user-namespaces", "nftables-tproxy", "seccomp", "landlock", "mount-api", "bailey-init",
                "bailey-saml", "bailey-postgres", "pidfd",
            ] {
                #expect(checks.contains { $0.name == name })
                #expect(outcome.output.contains("\(name): "))
            }
        }

        @Test("G26: Without user namespaces it exits 1 and names the switch, and bailey run runs nothing")
        func withoutNamespaces() throws {
            let broken = { (words: String) in
                "unshare -Ur sh -c 'echo 0 > /proc/sys/user/max_user_namespaces; \"$0\" \(words)' '\(Binary.path)'"
            }
            let outcome = try place.control(broken("doctor"))
            #expect(outcome.code == 1, "\(outcome)")
            #expect(outcome.output.contains("MISSING"), "\(outcome)")
            #expect(outcome.output.contains("sysctl -w user.max_user_namespaces"), "\(outcome)")
            let checks = try checks(place.control(broken("doctor --json")))
            #expect(checks.contains { $0.name == "user-namespaces" && $0.blocks && $0.remedy != nil })
            let run = try place.control(broken("run -- touch ran"))
            #expect(run.code == 125, "\(run)")
            #expect(!FileManager.default.fileExists(atPath: place.workspace + "/ran"))
        }

        @Test("G26: Without its helper program it exits 1 and says how to get it")
        func withoutInit() throws {
            let script =
                "mkdir ../alone.d && cp '\(Binary.path)' '\(Binary.path)-core' ../alone.d && ln -s alone.d/bailey ../alone && ../alone doctor; echo $?; ../alone run -- touch ran; echo $?"
            let outcome = try place.control(script)
            #expect(outcome.output.contains("MISSING   bailey-init: "), "\(outcome)")
            #expect(outcome.output.contains("missing   bailey-saml: "), "\(outcome)")
            #expect(outcome.output.contains("make install"), "\(outcome)")
            #expect(outcome.output.hasSuffix("1\n125\n"), "\(outcome)")
            #expect(!FileManager.default.fileExists(atPath: place.workspace + "/ran"))
        }
    }
}
