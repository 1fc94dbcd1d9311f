import Foundation
import Testing

/// Where there is no room for records, and then there is.
extension EndToEnd.AuditTests {
    private static let needsRoot: Comment = "needs root: a small file system of the test's own"

    private func curl(_ path: String, _ output: String = "") -> String {
        "curl -sS -m30 \(output) -w ' %{http_code}\\n' https://allowed.test:\(servers.tlsPort)/v1/\(path)"
    }

    /// Waits, in a script, for a file that another one makes.
    private func awaiting(_ name: String) -> String {
        "for i in $(seq 2400); do [ -e \(name) ] && break; sleep 0.05; done"
    }

    @Test(
        "I05: a full disk under the store denies each request by name; with room again they go on, and the log verifies",
        .enabled(if: Internet.available, needsRoot)
    )
    func roomAgain() throws {
        try place.write(
            """
            \(curl("before", "-o out")); touch ready; \(awaiting("full"))
            for i in 1 2 3; do \(curl("none")); done; touch denied; \(awaiting("room"))
            \(curl("disk-again", "-o out"))

            """,
            to: "workspace/script"
        )
        let outcome = try place.control(
            """
            unshare -m sh -c '
                mount -t tmpfs -o size=2m,mode=700 none "$XDG_STATE_HOME" || exit 99
                "$0" run -p parent --profiles "$1" -- sh ./script & agent=$!
                \(awaiting("ready"))
                dd if=/dev/zero of="$XDG_STATE_HOME/fill" bs=4k 2>/dev/null
                touch full; \(awaiting("denied"))
                rm "$XDG_STATE_HOME/fill"; touch room; wait $agent; echo "agent $?"
                "$0" audit; "$0" audit verify; echo "verify $?"
            ' '\(Binary.path)' '\(place.profiles)'
            """
        )
        #expect(outcome.code == 0 && outcome.lines.first == " 200", "\(outcome)")
        #expect(outcome.lines.count { $0.hasSuffix(" 503") } >= 1, "\(outcome)")
        #expect(Denial.first(in: outcome.output)?.reason == "audit-unavailable", "\(outcome)")
        #expect(outcome.lines.count { $0 == " 200" } == 2, "\(outcome)")
        #expect(outcome.lines.contains("agent 0"), "\(outcome)")
        #expect(outcome.output.contains("GET /v1/disk-again"), "\(outcome)")
        #expect(outcome.lines.last == "verify 0", "\(outcome)")
        #expect(try servers.requests(with: "/v1/before ") == 1)
        #expect(try servers.requests(with: "/v1/none ") == 0)
        #expect(try servers.requests(with: "/v1/disk-again ") == 1)
    }

    @Test(
        "I05: where there is no room for a store nothing runs; with room the same place does",
        .enabled(if: Internet.available, needsRoot)
    )
    func roomAtLast() throws {
        let outcome = try place.control(
            """
            unshare -m sh -c '
                mount -t tmpfs -o size=4m,mode=700 none "$XDG_STATE_HOME" || exit 99
                dd if=/dev/zero of="$XDG_STATE_HOME/fill" bs=4k 2>/dev/null
                "$0" run -- touch early; echo $?
                rm "$XDG_STATE_HOME/fill"
                "$0" run -- echo ran; echo $?; "$0" audit verify >/dev/null; echo $?
            ' '\(Binary.path)'
            """
        )
        #expect(outcome.output == "125\nran\n0\n0\n", "\(outcome)")
        #expect(
            outcome.errors.contains("No space left on device; free space on its file system"),
            "\(outcome)"
        )
        #expect(place.read("workspace/early") == nil)
    }

    @Test(
        "I05: where the head cannot be written nothing leaves, though the records are there; once it can, the next goes on"
    )
    func headless() throws {
        #expect(try place.agent("true", profile: "parent").code == 0)
        // Each write of that file alone fails, as on a disk without room that copies what it writes anew.
        let fault = ["-P", place.root + "/state/bailey/audit.head", "-e", "inject=pwrite64:error=ENOSPC"]
        let words = ["run", "-p", "parent", "--profiles", place.profiles, "--", "sh", "-c"]
        let outcome = try Command.run(
            ["strace", "-f", "-qq", "-o", place.root + "/calls", "-e", "trace=pwrite64"] + fault
                + [place.binary] + words + [curl("headless")],
            environment: place.environment,
            directory: place.workspace
        )
        #expect(place.read("calls")?.contains("INJECTED") == true)
        #expect(outcome.output.contains(" 503\n"), "\(outcome)")
        #expect(Denial.first(in: outcome.output)?.reason == "audit-unavailable", "\(outcome)")
        #expect(!outcome.output.contains(place.root), "an agent hears where the log is")
        #expect(outcome.errors.contains("audit.head: No space left on device"), "\(outcome)")
        #expect(try servers.requests(with: "/v1/headless ") == 0)
        let next = try place.agent(curl("headed", "-o out"), profile: "parent")
        #expect(next.output == " 200\n", "\(next)")
        #expect(try servers.requests(with: "/v1/headed ") == 1)
        #expect(try place.bailey(["audit", "verify"]).code == 0)
    }
}
