import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Programs of 120 MiB, whose digests take long enough for other things to happen meanwhile.
    @Suite("Large programs", .serialized)
    struct ProgramDigestTests {
        let place: Place

        init() throws {
            place = try Place()
            try place.nestingProfiles()
        }

        private struct Line: Decodable {
            let kind: String
            let sequence: Int
            let lineage: String
            let record: Details

            struct Details: Decodable {
                let programDigest: String?
            }

            func isOf(_ name: String) -> Bool { lineage.hasSuffix(" > " + name) }
        }

        private func lines() throws -> [Line] {
            try place.bailey(["audit", "--json"]).output.split(separator: "\n").map {
                try JSONDecoder().decode(Line.self, from: Data($0.utf8))
            }
        }

        /// A script that is 120 MiB long, most of it a hole.
        private func program(_ name: String, _ script: String) throws {
            try place.write("#!/bin/sh\n\(script)\nexit\n", to: "workspace/" + name, mode: 0o755)
            #expect(truncate(place.workspace + "/" + name, 120 << 20) == 0)
        }

        @Test("While the programs of launches are read, others are launched, signalled and ended")
        func meanwhile() throws {
            for number in 0..<6 { try program("big\(number)", "echo big\(number)") }
            try place.write(
                "trap 'echo stopped; exit 7' TERM; touch up; while :; do sleep 0.01; done",
                to: "workspace/waiter"
            )
            try place.write(
                """
                inits() { grep -lx bailey-init /proc/[0-9]*/comm 2>/dev/null | wc -l; }
                bailey run -p leaf --name warm -- sh -c 'exit 0'
                bailey run -p leaf --name waiter -- sh ./waiter & waiter=$!
                until [ -e up ]; do sleep 0.01; done
                before=$(inits)
                for n in 0 1 2 3 4 5; do bailey run -p leaf --name big$n -- ./big$n & done
                until [ $(inits) -gt $before ]; do sleep 0.01; done
                kill -TERM $waiter
                bailey run -p leaf --name small -- sh -c 'exit 0'
                wait $waiter; echo waiter $?
                wait
                """,
                to: "workspace/script"
            )
            let outcome = try place.agent("sh ./script", profile: "top")
            #expect(outcome.lines.filter { $0.hasPrefix("big") }.count == 6, "\(outcome)")
            #expect(outcome.lines.contains("stopped") && outcome.lines.contains("waiter 7"), "\(outcome)")
            let lines = try lines()
            let last = try #require(lines.last { $0.kind == "spawn" && $0.lineage.contains("> big") })
            let small = try #require(lines.first { $0.kind == "spawn" && $0.isOf("small") })
            let ended = try #require(lines.first { $0.kind == "exit" && $0.isOf("waiter") })
            #expect(small.sequence < last.sequence)
            #expect(ended.sequence < last.sequence)
            for number in 0..<6 {
                let sum = try place.control("sha256sum < big\(number)").output.prefix(64)
                let spawn = lines.first { $0.kind == "spawn" && $0.isOf("big\(number)") }
                #expect(spawn?.record.programDigest == String(sum))
            }
            let shell = try place.control("sha256sum < /bin/sh").output.prefix(64)
            #expect(small.record.programDigest == String(shell), "remembered from the launch before")
        }

        /// Launches `big` in an agent; `$child` is its front-end once its program is being read.
        private static let launched = """
            inits() { grep -lx bailey-init /proc/[0-9]*/comm 2>/dev/null | wc -l; }
            before=$(inits)
            bailey run -p leaf --name big -- ./big & child=$!
            until [ $(inits) -gt $before ]; do sleep 0.01; done
            """

        @Test("A signal that comes while the program is read is for the command")
        func earlySignal() throws {
            try program("big", "exec sleep 600")
            try place.write(
                "\(Self.launched)\nkill -TERM $child; wait $child; echo ended $?",
                to: "workspace/script"
            )
            #expect(try place.agent("sh ./script", profile: "top").lines == ["ended 143"])
        }

        @Test("An agent that is ended while its program is read has its beginning on record before its end")
        func endedEarly() throws {
            try program("big", "exec sleep 600")
            try place.write(
                """
                \(Self.launched)
                kill -KILL $child; wait $child; echo killed $?
                until [ $(inits) -eq $before ]; do sleep 0.01; done
                """,
                to: "workspace/script"
            )
            #expect(try place.agent("sh ./script", profile: "top").lines == ["killed 137"])
            #expect(try lines().filter { $0.isOf("big") }.map(\.kind) == ["spawn", "exit"])
        }
    }
}
