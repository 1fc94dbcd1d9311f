import Foundation
import Glibc
import TestSupport
import Testing

/// Where an issuer's keys come from.
extension EndToEnd.PrincipalTests {
    /// A token with another header in front of what the provider signed.
    private func renamed(_ token: String, key: String) -> String {
        let header = Data(#"{"alg":"RS256","kid":"\#(key)"}"#.utf8).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        return header + (token.firstIndex(of: ".").map { String(token[$0...]) } ?? "")
    }

    @Test(
        "Keys by a configured URL: nobody asks for the issuer's configuration; ids that they do not have are asked for once, whatever tokens come"
    )
    func keysByAddress() throws {
        try configure(", jwks: \"\(provider.url)/jwks\"")
        place.isServed = true
        let server = try RunningCommand(place.server, environment: place.environment, directory: place.root)
        #expect(server.awaitErrors("serving at"))
        let good = try provider.token()
        #expect(try run("echo ran", token: good).output == "ran\n")
        #expect(try provider.asked("GET /jwks").count == 1)
        let start = Date()
        for index in 0..<4 {
            let outcome = try run("echo ran", token: renamed(good, key: "unknown-\(index)"))
            #expect(outcome.code == 125 && outcome.output.isEmpty, "\(outcome)")
            #expect(outcome.errors.contains("key check failed"), "\(outcome)")
        }
        // Once more each half minute, on a machine that is as slow as that.
        let asked = try provider.asked("GET /jwks").count
        #expect(asked >= 2 && asked <= 2 + Int(-start.timeIntervalSinceNow / 30), "\(asked)")
        #expect(try run("echo ran", token: good).output == "ran\n")
        #expect(try provider.asked("openid-configuration").isEmpty)
        kill(server.processIdentifier, SIGTERM)
        #expect(server.finish().code == 0)
        // At a URL where there are none, which the error names.
        place.isServed = false
        try configure(", jwks: \"\(provider.url)/nowhere\"")
        let outcome = try run("echo ran", token: good)
        #expect(outcome.code == 125 && outcome.output.isEmpty, "\(outcome)")
        #expect(
            outcome.errors.contains("\(provider.url)/nowhere could not be had: it answered 404"),
            "\(outcome)"
        )
    }

    @Test(
        "A token's file in a folder of the system, which every agent reads, refuses the launch",
        .enabled(if: Internet.available, "needs root: a mount of the test's own")
    )
    func systemFolder() throws {
        try configure()
        try place.write(try provider.token(), to: "shared/token", mode: 0o600)
        func run(_ folder: String) throws -> Outcome {
            let mount = "mount --bind '\(place.root)/shared' /usr/local/share && exec \"$@\""
            return try Command.run(
                ["unshare", "-m", "sh", "-c", mount, "sh", Binary.path, "run"] + Kernel.options
                    + ["--oidc-token-file", folder + "/token", "--", "echo", "ran"],
                environment: place.environment,
                directory: place.workspace
            )
        }
        let outcome = try run("/usr/local/share")
        #expect(outcome.code == 125 && outcome.output.isEmpty, "\(outcome)")
        #expect(outcome.errors.contains("/usr/local/share/token holds a secret"), "\(outcome)")
        try place.write(try provider.token(), to: "kept/token", mode: 0o600)
        let elsewhere = try run(place.root + "/kept")
        #expect(elsewhere.code == 0 && elsewhere.output == "ran\n", "\(elsewhere)")
    }

    @Test(
        "Around a rotation an issuer publishes two keys, each by its id: tokens of both are taken, fetched once for the first id that is not known; then of the new key alone"
    )
    func twoKeys() throws {
        place.isServed = true
        let server = try RunningCommand(place.server, environment: place.environment, directory: place.root)
        #expect(server.awaitErrors("serving at"))
        #expect(try run("echo ran", token: provider.token()).output == "ran\n")
        #expect(try provider.asked("GET /jwks").count == 1)
        try provider.announce()
        let start = Date()
        let present = try provider.token(signedBy: .present)
        let next = try provider.token(signedBy: .next)
        #expect(present.split(separator: ".").first != next.split(separator: ".").first)
        for token in [present, next, present] {
            let outcome = try run("echo ran", token: token)
            #expect(outcome.code == 0 && outcome.output == "ran\n", "\(outcome)")
        }
        #expect(try provider.asked("GET /jwks").count == 2)
        // An id that neither has is not asked for again at once: each half minute, on a machine that is as slow as that.
        let stranger = try run("echo ran", token: renamed(next, key: "unknown"))
        #expect(stranger.code == 125 && stranger.errors.contains("key check failed"), "\(stranger)")
        let asked = try provider.asked("GET /jwks").count
        #expect(asked <= 2 + Int(-start.timeIntervalSinceNow / 30), "\(asked)")
        // What one key signed is not taken by the name of the other.
        let other = String(present.prefix { $0 != "." }) + next.drop { $0 != "." }
        let swapped = try run("echo ran", token: other)
        #expect(swapped.code == 125 && swapped.errors.contains("signature check failed"), "\(swapped)")
        kill(server.processIdentifier, SIGTERM)
        #expect(server.finish().code == 0)
        try provider.withdraw()
        place.isServed = false
        let late = try run("echo ran", token: present)
        #expect(late.code == 125 && late.output.isEmpty, "\(late)")
        #expect(
            late.errors.contains("key check failed: the issuer has no key of the id that it names"),
            "\(late)"
        )
        #expect(try run("echo ran", token: next).output == "ran\n")
    }

    @Test("While a run lives whose token is in a file, no other run of its supervisor is granted that file")
    func otherRun() throws {
        try configure()
        try place.write(try provider.token(), to: "kept/token", mode: 0o600)
        try place.write(
            "bailey: 1\nname: reads\nextends: [base]\nfiles: {read: [\"\(place.root)/kept\"]}\n",
            to: place.configuration + "/profiles/reads.yaml"
        )
        place.isServed = true
        let server = try RunningCommand(place.server, environment: place.environment, directory: place.root)
        #expect(server.awaitErrors("serving at"))
        let script = "test -f \(place.root)/kept/token && echo there"
        let words = ["run", "-p", "reads", "--", "sh", "-c", script]
        let running = try RunningCommand(
            [
                place.binary, "run", "--oidc-token-file", place.root + "/kept/token", "--", "sh", "-c",
                "echo up; read over",
            ],
            environment: place.environment,
            directory: place.workspace
        )
        #expect(running.awaitOutput("up"))
        let refused = try place.bailey(words)
        #expect(refused.code == 125 && refused.output.isEmpty, "\(refused)")
        #expect(refused.errors.contains("kept/token holds a secret"), "\(refused)")
        running.write(Data("\n".utf8))
        #expect(running.finish().code == 0)
        // The control: behind its end it is a file as any.
        let read = try place.bailey(words)
        #expect(read.code == 0 && read.output == "there\n", "\(read)")
        kill(server.processIdentifier, SIGTERM)
        #expect(server.finish().code == 0)
    }
}
