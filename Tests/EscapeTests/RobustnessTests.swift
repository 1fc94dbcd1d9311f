import Foundation
import Glibc
import TestSupport
import Testing

extension Escapes {
    /// Section R, and what an agent offers to the host: launches that must fail by name, or not at all.
    @Suite("Robustness", .serialized)
    struct RobustnessTests {
        private func run(_ argv: [String], in place: Place) throws -> Outcome {
            try Command.run(argv, environment: place.environment, directory: place.workspace)
        }

        @Test("N18: nobody outside reaches what an agent listens on", arguments: Standing.possible)
        func listening(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            try place.arm(with: attacker("network"))
            let words = ["\(UInt16.random(in: 20000...30000))", "bailey-\(UInt32.random(in: 1...(.max)))"]
            let listen = "exec ./network N18 \(words[0]) \(words[1])"
            let running = try place.running(listen, at: standing)
            #expect(running.awaitOutput("up"))
            #expect(try run(["./network", "N02", words[0]], in: place).output.hasPrefix("HELD"))
            #expect(try run(["./network", "N04", words[1]], in: place).output.hasPrefix("HELD"))
            let outcome = running.finish()
            #expect(outcome.lines.last?.hasPrefix("HELD") == true, "\(outcome)")
            for (id, word) in zip(["N02", "N04"], words) {
                let control = try RunningCommand(
                    ["sh", "-c", listen],
                    environment: place.environment,
                    directory: place.workspace
                )
                #expect(control.awaitOutput("up"))
                #expect(try run(["./network", id, word], in: place).output.hasPrefix("REACHED"))
                #expect(control.finish().output.contains("REACHED"))
            }
        }

        @Test("R06: a command's own 125 is told from a launch that failed", arguments: Standing.possible)
        func ownFailureCode(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let own = try place.agent("exit 125", at: standing)
            #expect(own.code == 125 && own.errors.isEmpty, "\(own)")
            #expect(try place.bailey(["tree"]).output.contains("exit 125"))
            let failed = try place.agent("exit 125", at: standing, body: "files: {read: [/no/such]}\n")
            #expect(failed.code == 125 && failed.errors.contains("/no/such"), "\(failed)")
        }

        @Test(
            "R10: under limits that are too small it works, or fails by name",
            arguments: ["-n 16", "-n 5", "-u 5", "-v 100000", "-v 400000", "-f 0", "-l 0", "-s 64"],
            Standing.possible
        )
        func smallLimits(limit: String, standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let command = try place.command(["touch", "ran"], at: standing)
            let outcome = try run(["bash", "-c", "ulimit \(limit); exec \"$@\"", "sh"] + command, in: place)
            let ran = place.read("workspace/ran") != nil
            #expect(ran ? outcome.code == 0 : !outcome.errors.isEmpty && outcome.code != 0, "\(outcome)")
        }

        @Test("R13: a command that ends at its time limit has one verdict", arguments: Standing.possible)
        func raceWithTheLimit(standing: Standing) throws {
            let place = try Place(for: standing.starter)
            let ends = (90..<106).map { $0 < 100 ? "0.\($0)" : "1.0\($0 - 100)" }
            let command = try place.command(["sleep"], at: standing, body: "limits: {time: 1s}\n")
            let agents = try ends.map {
                try RunningCommand(
                    command + [$0],
                    environment: place.environment,
                    directory: place.workspace
                )
            }
            for agent in agents {
                let outcome = agent.finish()
                #expect(outcome.code == 0 || outcome.code == 124, "\(outcome)")
                #expect(outcome.errors.contains("time limit") == (outcome.code == 124), "\(outcome)")
            }
        }

        @Test("R17: a helper program that is not this one's launches nothing")
        func otherHelper() throws {
            let place = try Place()
            let folder = URL(filePath: place.binary).deletingLastPathComponent().path(percentEncoded: false)
            let copy = """
                mkdir ../copy && cp '\(folder)/bailey' '\(folder)/bailey-core' '\(folder)/bailey-init' ../copy && cp -rL '\(folder)/profiles' ../copy
                """
            #expect(try place.control(copy).code == 0)
            #expect(try place.control("../copy/bailey run -- touch ran").code == 0)
            try FileManager.default.removeItem(atPath: place.workspace + "/ran")
            #expect(try place.control("cp /bin/true ../copy/bailey-init").code == 0)
            let outcome = try place.control("../copy/bailey run -- touch ran")
            #expect(place.read("workspace/ran") == nil)
            #expect(outcome.code == 125 && outcome.errors.contains("bailey-init"), "\(outcome)")
        }
    }
}
