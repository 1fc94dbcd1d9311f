import AssertionSupport
import Foundation
import TestSupport
import Testing

/// What becomes of a run whose assertion is over, where its profile says that it is to be denied.
extension EndToEnd.AssertionTests {
    @Test(
        "With on-expiry: deny a run whose assertion is over lives on, its requests and new hops are denied, and the records say why"
    )
    func denies() throws {
        let servers = try Servers.started()
        let issuers = try #require(place.read(place.configuration + "/bailey.yaml"))
        try place.write(
            servers.operatorConfiguration + "\n" + issuers.replacing("bailey: 1\n", with: ""),
            to: place.configuration + "/bailey.yaml"
        )
        let origin = "https://allowed.test:\(servers.tlsPort)"
        let egress = "egress:\n  - {to: \"\(origin)\", private: true, allow: [\"GET /**\"]}\n"
        try place.profile("below", "extends: [base]\n")
        try place.profile(
            "soon",
            "extends: [base]\nprincipals: {on-expiry: deny}\n\(egress)children: {profiles: [below], depth: 1, count: 4}\n"
        )
        let outcome = try run(
            """
            bailey run -p below -- true; echo $?
            n=0; until grep -qs principal-expired last || [ $n -ge 900 ]; do
              curl -s -m20 -o last -w '%{http_code}\\n' \(origin)/x; n=$((n+1)); sleep 0.1; done
            cat last; bailey run -p below -- true; echo $?; exit 9
            """,
            // Time for a launch, a child's and a request on a busy machine.
            provider.response(minutes: 1),
            profile: "soon"
        )
        // Before it is over both are allowed, which is the control.
        #expect(outcome.code == 9 && outcome.output.hasPrefix("0\n200\n"), "\(outcome)")
        #expect(outcome.output.hasSuffix("125\n"), "\(outcome)")
        #expect(Denial.first(in: outcome.output)?.reason == "principal-expired", "\(outcome)")
        #expect(
            outcome.errors.contains("the assertion of saml:corp:alice, which this run rests on, expired"),
            "\(outcome)"
        )
        let refused = try #require(try records().last { $0.contains(#""kind":"spawn-refused""#) })
        #expect(refused.contains(#""lineage":"saml:corp:alice > soon"#), "\(refused)")
        #expect(refused.contains("which this run rests on, expired"), "\(refused)")
        let denied = try place.records(["--denied"]).filter { $0.record.reason == "principal-expired" }
        #expect(!denied.isEmpty && denied.allSatisfy { $0.lineage == "saml:corp:alice > soon" }, "\(denied)")
        #expect(try place.bailey(["audit", "verify"]).code == 0)
    }
}
