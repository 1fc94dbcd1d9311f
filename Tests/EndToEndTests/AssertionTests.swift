import AssertionSupport
import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Who launches, by assertions of a real identity provider of SAML.
    @Suite(
        "Principals by assertion",
        .serialized,
        .enabled(if: AssertionProvider.isThere, "needs xmlsec1 and python3-pysaml2 (make deps-tests)")
    )
    struct AssertionTests {
        let place: Place
        let provider: AssertionProvider

        init() throws {
            place = try .nesting()
            provider = try AssertionProvider()
            // Makes the key and its certificate.
            _ = try provider.response()
            try place.write(
                """
                bailey: 1
                issuers:
                  corp:
                    saml: {entity: "\(AssertionProvider.entity)", certificate: "\(provider.certificate())"}
                    audience: bailey
                    groups: groups
                    claims: [department]
                    leeway: 1s

                """,
                to: place.configuration + "/bailey.yaml"
            )
            try place.profile(
                "paid",
                "extends: [base]\nprincipals: {issuers: [corp], groups: [payments], subjects: [\"saml:corp:*\"]}\n"
            )
        }

        /// `bailey run` with an assertion in a file outside of the workspace.
        func run(
            _ script: String,
            _ assertion: String?,
            profile: String = "base",
            options: [String] = []
        ) throws -> Outcome {
            var options = options
            if let assertion {
                try place.write(assertion, to: "response.xml", mode: 0o600)
                options += ["--saml-assertion-file", place.root + "/response.xml"]
            }
            let words = ["run", "-p", profile, "--profiles", place.profiles]
            return try place.bailey(words + options + ["--", "sh", "-c", script])
        }

        func records() throws -> [String] { try place.bailey(["audit", "--json"]).lines }

        @Test(
            "SAML assertions are accepted where an organisation has only that: a profile demands a group, and who proves it launches"
        )
        func group() throws {
            let good = try provider.response()
            let outcome = try run("echo ran", good, profile: "paid")
            #expect(outcome.code == 0 && outcome.output == "ran\n", "\(outcome)")
            let spawn = try #require(try records().first { $0.contains(#""kind":"spawn""#) })
            for part in [
                #""subject":"saml:corp:alice""#, #""groups":["admins","payments"]"#,
                #""department":["research"]"#,
                #""lineage":"saml:corp:alice > paid"#, "/saml/corp/alice/paid/",
            ] {
                #expect(
                    spawn.contains(part) || spawn.replacing("\\/", with: "/").contains(part),
                    "\(part): \(spawn)"
                )
            }
            let encoded = Data(good.utf8).base64EncodedString(options: .lineLength76Characters)
            #expect(try run("echo ran", encoded, profile: "paid").output == "ran\n")

            let without = try run("echo ran", nil, profile: "paid")
            #expect(
                without.code == 125 && without.errors.contains("profile 'paid' is not for user:"),
                "\(without)"
            )
            let other = try run(
                "echo ran",
                provider.response(#""subject": "bob", "attributes": {"groups": ["guests"]}"#),
                profile: "paid"
            )
            #expect(other.code == 125 && other.errors.contains("is not for saml:corp:bob"), "\(other)")
            #expect(other.output.isEmpty && without.output.isEmpty)
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test("A revoked subject of an assertion launches nothing until it is lifted, and another's does")
        func revoked() throws {
            let good = try provider.response()
            #expect(try run("echo ran", good).output == "ran\n")
            let revoked = try place.bailey(["revoke", "saml:corp:alice", "--reason", "left the company"])
            #expect(revoked.code == 0, "\(revoked)")
            let refused = try run("echo ran", good)
            #expect(refused.code == 125 && refused.output.isEmpty, "\(refused)")
            #expect(refused.errors.contains("nothing is launched: revoked by user:"), "\(refused)")
            let bob = try provider.response(#""subject": "bob", "attributes": {"groups": ["guests"]}"#)
            #expect(try run("echo ran", bob).output == "ran\n")
            #expect(try place.bailey(["revoke", "--lift", "saml:corp:alice"]).code == 0)
            #expect(try run("echo ran", good).output == "ran\n")
            let receipt = try place.verifiedReceipt()
            #expect(receipt.code == 0, "\(receipt)")
            #expect(
                receipt.output.contains(" saml:corp:alice, who starts the chain, launches agent "),
                "\(receipt)"
            )
        }

        @Test("The assertion is in no agent, no file of state and no log, wherever the user keeps it")
        func unseen() throws {
            let good = try provider.response()
            let start = try #require(good.range(of: "SignatureValue>")?.upperBound)
            let signature = String(good[start...].prefix(40))
            try place.write(good, to: "workspace/response.xml", mode: 0o600)
            #expect(
                try place.control("cat workspace/response.xml || cat response.xml").output.contains(signature)
            )
            let outcome = try place.bailey(
                ["run", "--saml-assertion-file", "response.xml", "--", "sh", "-c"]
                    + [
                        "cat response.xml; cp response.xml copy; env; grep -rsF '\(signature.prefix(12))' . /proc/self/environ; true"
                    ]
            )
            #expect(outcome.code == 0 && outcome.output.contains("PATH="), "\(outcome)")
            #expect(!outcome.output.contains(signature) && !outcome.errors.contains(signature), "\(outcome)")
            #expect(place.read("workspace/copy")?.contains(signature) != true)
            for folder in ["state", "run", "home"] {
                #expect(try place.files(holding: signature, below: folder).isEmpty)
            }
        }

        @Test(
            "A SAML document with a wrapped signature, an external entity, or two assertions: refused before anything is launched"
        )
        func refused() throws {
            let attacks = Dictionary(uniqueKeysWithValues: try provider.attacks().map { ($0.name, $0.text) })
            let names =
                (1...8).map { "XSW\($0)" } + [
                    "external entity", "entity bomb", "two assertions", "unsigned", "other key",
                    "comment in NameID",
                    "other audience", "oversized", "deep", "not XML",
                ]
            for name in names {
                let text = try #require(attacks[name])
                let outcome = try run("echo ran", text)
                #expect(outcome.code == 125 && outcome.output.isEmpty, "\(name): \(outcome)")
                #expect(outcome.errors.contains("the assertion's "), "\(name): \(outcome)")
                #expect(!outcome.errors.contains("alice"), "\(name): \(outcome)")
            }
            #expect(try records().allSatisfy { $0.contains(#""kind":"spawn-refused""#) })
            #expect(try records().count == names.count)
            #expect(try run("echo ran", attacks["good"]).output == "ran\n")
        }

        @Test("A run whose assertion is over ends, or is proved again by a fresh one in its file")
        func expiry() throws {
            let short = try provider.response(minutes: 0.2)
            let over = try run("sleep 600", short)
            #expect(over.code == 137 && over.errors.contains("expired, and was not renewed"), "\(over)")
            try place.write(provider.response(minutes: 0.4), to: "response.xml", mode: 0o600)
            let running = try RunningCommand(
                place.launcher + ["--saml-assertion-file", "../response.xml", "--", "sh", "-c"]
                    + ["echo began; until [ -e ask ]; do sleep 0.05; done; echo lived"],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(running.awaitOutput("began"))
            try place.write(provider.response(), to: "response.xml", mode: 0o600)
            Thread.sleep(until: Date(timeIntervalSinceNow: 26))
            try place.write("", to: "workspace/ask")
            let outcome = running.finish()
            #expect(outcome.code == 0 && outcome.output == "began\nlived\n", "\(outcome)")
            // On record, with the certificate whose key signed, and nothing of the document.
            let renewal = try #require(try records().first { $0.contains(#""kind":"renewal""#) })
            let digest = try place.control(
                "openssl x509 -in '\(provider.certificate())' -outform DER | sha256sum | cut -d' ' -f1"
            )
            #expect(
                renewal.contains("sha256:" + digest.output.trimmingCharacters(in: .whitespacesAndNewlines))
            )
            #expect(
                renewal.contains(#""subject":"saml:corp:alice""#) && !renewal.contains("Signature"),
                "\(renewal)"
            )
        }

        @Test(
            "Inside an agent an assertion changes nothing; two proofs at once, and one of nobody's, are refused"
        )
        func elsewhere() throws {
            let good = try provider.response()
            let inside = try run(
                "echo x > t; bailey run -p leaf --saml-assertion-file t -- true; echo $?",
                nil,
                profile: "top"
            )
            #expect(inside.output == "125\n" && inside.errors.contains("inside an agent"), "\(inside)")
            let both = try run("echo ran", good, options: ["--oidc-token-env", "X"])
            #expect(both.code == 125 && both.errors.contains("exclude each other"), "\(both)")
            let nobody = try run("echo ran", "")
            #expect(nobody.code == 125 && nobody.errors.contains("holds no assertion"), "\(nobody)")
            try place.write(
                "bailey: 1\nissuers: {idp: {issuer: \"https://i.test\", audience: bailey}}\n",
                to: place.configuration + "/bailey.yaml"
            )
            let unconfigured = try run("echo ran", good)
            #expect(
                unconfigured.code == 125 && unconfigured.errors.contains("no issuer is configured"),
                "\(unconfigured)"
            )
        }

        /// Ends each reader of a server's while it reads, as a crash would.
        private final class Hunter: @unchecked Sendable {
            private let lock = NSLock()
            private var isOver = false
            private let ended = DispatchSemaphore(value: 0)

            init(_ server: pid_t) {
                Thread.detachNewThread { [self] in
                    while !lock.withLock({ isOver }) { Self.hunt(server) }
                    ended.signal()
                }
            }

            func stop() {
                lock.withLock { isOver = true }
                ended.wait()
            }

            private static func hunt(_ server: pid_t) {
                let threads = "/proc/\(server)/task"
                for thread in (try? FileManager.default.contentsOfDirectory(atPath: threads)) ?? [] {
                    let children = text("\(threads)/\(thread)/children").split(separator: " ")
                    for child in children.compactMap({ pid_t($0) })
                    where text("/proc/\(child)/comm") == "bailey-saml\n" {
                        kill(child, SIGSEGV)
                    }
                }
            }

            private static func text(_ path: String) -> String {
                (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            }
        }

        @Test(
            "A reader that dies of a document refuses that launch by name, and bailey serve, with the agents that it has, lives on",
            .enabled(
                if: FileManager.default.fileExists(atPath: "/proc/self/task/\(getpid())/children"),
                "needs CONFIG_PROC_CHILDREN"
            )
        )
        func dies() throws {
            place.isServed = true
            let server = try RunningCommand(
                place.server,
                environment: place.environment,
                directory: place.root
            )
            #expect(server.awaitErrors("serving at"))
            let living = try RunningCommand(
                [
                    place.binary, "run", "--", "sh", "-c",
                    "echo up; until [ -e end ]; do sleep 0.05; done; echo lived",
                ],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(living.awaitOutput("up"))
            try place.write(provider.response(), to: "response.xml", mode: 0o600)
            let words = ["run", "--saml-assertion-file", place.root + "/response.xml", "--", "echo", "ran"]
            let hunter = Hunter(server.processIdentifier)
            var refused: Outcome?
            let end = Date(timeIntervalSinceNow: 60)
            while refused == nil, Date() < end {
                let outcome = try place.bailey(words)
                // One that had answered by then launches.
                if outcome.code == 0 { #expect(outcome.output == "ran\n") } else { refused = outcome }
            }
            hunter.stop()
            let outcome = try #require(refused)
            #expect(outcome.code == 125 && outcome.output.isEmpty, "\(outcome)")
            #expect(
                outcome.errors.contains("bailey-saml, which reads it, gave no answer: it ended with 139"),
                "\(outcome)"
            )
            #expect(!outcome.errors.contains("make install"), "\(outcome)")
            let last = try records().last { $0.contains(#""kind":"spawn-refused""#) }
            #expect(last?.contains("it ended with 139") == true, "\(last ?? "-")")
            #expect(try place.bailey(words).output == "ran\n")
            try place.write("", to: "workspace/end")
            let survivor = living.finish()
            #expect(survivor.code == 0 && survivor.output == "up\nlived\n", "\(survivor)")
            kill(server.processIdentifier, SIGTERM)
            #expect(server.finish().code == 0)
        }

        @Test("Under bailey serve it is the same, and a document that is refused ends no supervisor")
        func serving() throws {
            place.isServed = true
            let server = try RunningCommand(
                place.server,
                environment: place.environment,
                directory: place.root
            )
            #expect(server.awaitErrors("serving at"))
            try place.write(provider.response(), to: "response.xml", mode: 0o600)
            let words = ["run", "--saml-assertion-file", place.root + "/response.xml", "--", "echo", "ran"]
            #expect(try place.bailey(words).output == "ran\n")
            try place.write("<a>", to: "response.xml", mode: 0o600)
            #expect(try place.bailey(words).code == 125)
            try place.write(provider.response(), to: "response.xml", mode: 0o600)
            #expect(try place.bailey(words).output == "ran\n")
            kill(server.processIdentifier, SIGTERM)
            #expect(server.finish().code == 0)
        }
    }
}
