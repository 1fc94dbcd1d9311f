import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd.ServeTests {
    @Test(
        "A launch goes by credentials.yaml as it is: one that changed since the start of bailey serve is read anew"
    )
    func changedCredentials() throws {
        try place.write(
            "bailey: 1\nname: paid\nextends: [base]\n"
                + "egress: [{to: \"https://api.test\", allow: [\"GET /**\"], credential: api}]\n",
            to: place.configuration + "/profiles/paid.yaml"
        )
        let server = try serving()
        let options = ["-p", "paid"]
        let early = try run("echo ran", options: options)
        #expect(early.code == 125 && early.errors.contains("api"), "\(early)")
        let file = place.configuration + "/credentials.yaml"
        try place.write(
            "bailey: 1\ncredentials:\n  api: {from: {env: API_TOKEN}, as: bearer, for: [\"https://api.test\"]}\n",
            to: file,
            mode: 0o600
        )
        let environment = ["API_TOKEN": "a-token-of-the-user"]
        for _ in 0..<2 {
            let outcome = try run("echo ran", options: options, environment: environment)
            #expect(outcome.code == 0 && outcome.output == "ran\n", "\(outcome)")
            let notes = outcome.errors.components(
                separatedBy: "than 'bailey serve' read at its start: this run"
            )
            #expect(notes.count == 2, "said once: \(outcome)")
        }
        #expect(server.awaitErrors("credentials.yaml changed since the start: launches stand alone"))
        // As it was: it serves again.
        try FileManager.default.removeItem(atPath: file)
        let served = try run("echo ran")
        #expect(served.output == "ran\n" && !served.errors.contains("at its start"), "\(served)")
        kill(server.processIdentifier, SIGTERM)
        let end = server.finish()
        #expect(end.code == 0 && end.errors.components(separatedBy: "changed since").count == 2, "\(end)")
    }

    @Test("The file of a profile is read once, also where bailey serve declines the launch")
    func profileFile() throws {
        try place.write("bailey: 1\nname: own\nextends: [base]\n", to: "own.yaml")
        let server = try serving()
        func reads() throws -> Int {
            let outcome = try Command.run(
                ["strace", "-f", "-qq", "-o", place.root + "/calls", "-e", "trace=openat"] + place.launcher
                    + ["-p", "../own.yaml", "--", "echo", "ran"],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(outcome.code == 0 && outcome.output == "ran\n", "\(outcome)")
            return (place.read("calls") ?? "").split(separator: "\n").count {
                $0.contains("/own.yaml\"") && $0.contains("O_RDONLY|O_NONBLOCK")
            }
        }
        #expect(try reads() == 1)
        try place.write("bailey: 1\n", to: place.configuration + "/bailey.yaml")
        #expect(try reads() == 1)
        #expect(server.awaitErrors("bailey.yaml changed since the start: launches stand alone"))
        kill(server.processIdentifier, SIGTERM)
        #expect(server.finish().code == 0)
    }

    @Test(
        "bailey ps --json has all arguments, also long ones, and of very long ones says how many are left out"
    )
    func longArguments() throws {
        struct Line: Decodable {
            let argv: [String]
            let omittedArguments: Int
        }
        let server = try serving()
        let script =
            "echo up; until [ -e end ]; do sleep 0.05; done # " + String(repeating: "x", count: 40_000)
        let running = try [[script], [script, script, "last"]].map { words in
            let running = try RunningCommand(
                [place.binary, "run", "--", "sh", "-c"] + words,
                environment: place.environment,
                directory: place.workspace
            )
            #expect(running.awaitOutput("up"))
            return running
        }
        let outcome = try place.bailey(["ps", "--json"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let lines = try outcome.lines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
            .sorted { $0.omittedArguments < $1.omittedArguments }
        #expect(lines.map(\.omittedArguments) == [0, 2])
        #expect(lines.allSatisfy { $0.argv == ["sh", "-c", script] })
        try place.write("", to: "workspace/end")
        for one in running { #expect(one.finish().code == 0) }
        kill(server.processIdentifier, SIGTERM)
        #expect(server.finish().code == 0)
    }
}
