import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd.KeepingTests {
    /// `bailey serve` that prunes each second.
    private func serving(_ terms: String = "for: 1s") throws -> RunningCommand {
        try place.write(
            "bailey: 1\naudit: {retain: {\(terms), every: 1s}}\n",
            to: place.configuration + "/bailey.yaml"
        )
        let server = try RunningCommand(place.server, environment: place.environment, directory: place.root)
        #expect(server.awaitErrors("serving at"))
        return server
    }

    private func end(_ server: RunningCommand) {
        server.signal(SIGTERM)
        let outcome = server.finish()
        #expect(outcome.code == 0, "\(outcome)")
    }

    /// Until `is` says yes, three minutes long.
    private func awaits(_ is: () throws -> Bool) rethrows -> Bool {
        let end = Date(timeIntervalSinceNow: 180)
        while Date() < end {
            if try `is`() { return true }
            Thread.sleep(forTimeInterval: 0.5)
        }
        return false
    }

    @Test("bailey serve says at its start that checkpoints cannot be written, and nothing where they can")
    func checkpointPlace() throws {
        for (folder, isThere) in [("gone", false), ("there", true)] {
            if isThere { #expect(try place.control("mkdir '\(place.root)/there'").code == 0) }
            try place.write(
                "bailey: 1\naudit: {checkpoints: {file: \(place.root)/\(folder)/checkpoints}}\n",
                to: place.configuration + "/bailey.yaml"
            )
            let server = try RunningCommand(
                place.server,
                environment: place.environment,
                directory: place.root
            )
            #expect(server.awaitErrors("serving at"))
            server.signal(SIGTERM)
            let outcome = server.finish()
            let warning = "checkpoints cannot be written to \(place.root)/\(folder)/checkpoints now: "
            #expect(outcome.code == 0 && outcome.errors.contains(warning) != isThere, "\(outcome)")
        }
    }

    @Test(
        "bailey serve prunes by itself: what is held or lives stays, nothing goes beside another pruning, and it is on record as nobody's"
    )
    func byItself() throws {
        let server = try serving()
        for _ in 0..<2 { #expect(try place.agent("true").code == 0) }
        // One of its own; the others are of supervisors that have ended.
        let running = try RunningCommand(
            [place.binary, "run", "--", "sh", "-c", "echo ready; sleep 600"],
            environment: place.environment,
            directory: place.workspace
        )
        #expect(running.awaitOutput("ready"))
        let all = try runs()
        try #require(all.count == 3, "\(all)")
        #expect(try place.bailey(["audit", "hold", all[0], "--reason", "incident 42"]).code == 0)
        let program = """
            import fcntl, time
            lock = open("\(place.root)/state/bailey/pruning.lock", "a")
            fcntl.flock(lock, fcntl.LOCK_EX)
            print("locked", flush=True)
            time.sleep(600)
            """
        let other = try RunningCommand(
            ["python3", "-c", program],
            environment: place.environment,
            directory: place.root
        )
        #expect(other.awaitOutput("locked"))
        let beside = try place.bailey(["audit", "prune"])
        #expect(
            beside.code == 1 && beside.errors.contains("another pruning of this log is under way"),
            "\(beside)"
        )
        // Records have to be a minute old; what would go then stays for as long as somebody else prunes.
        #expect(
            try awaits {
                try place.bailey(["audit", "prune", "--dry-run"]).output.contains("would   \(all[1])")
            }
        )
        for _ in 0..<10 {
            #expect(try place.bailey(["audit", "prune", "--dry-run"]).output.contains("would   \(all[1])"))
        }
        other.signal(SIGKILL)
        _ = other.finish()
        #expect(try awaits { try runs() == [all[0], all[2]] })
        let audit = try place.bailey(["audit"])
        let noted = audit.lines.filter { $0.contains("  pruned ") }
        #expect(noted.count == 2 && noted.allSatisfy { !$0.contains(" by ") }, "\(audit)")
        #expect(
            noted.first?.hasSuffix(": begun") == true && noted.last?.hasSuffix(": done") == true,
            "\(audit)"
        )
        #expect(!audit.output.contains("pruning-failed"), "\(audit)")
        running.signal(SIGTERM)
        _ = running.finish()
        end(server)
        let verify = try place.bailey(["audit", "verify"])
        #expect(verify.code == 0 && verify.output.contains("of them pruned"), "\(verify)")
    }

    @Test("By size bailey serve removes nothing of today by itself, and says so; by hand it goes")
    func sized() throws {
        let server = try serving("size: 1KiB")
        for _ in 0..<2 { #expect(try place.agent("true").code == 0) }
        let all = try runs()
        try #require(all.count == 2, "\(all)")
        // Records have to be a minute old to go at all.
        #expect(
            try awaits {
                let trial = try place.bailey(["audit", "prune", "--dry-run"]).output
                return all.allSatisfy { trial.contains("would   \($0)") }
            }
        )
        #expect(try awaits { try place.bailey(["audit"]).output.contains("pruning-failed") })
        #expect(server.awaitErrors("more than audit.retain.size"))
        #expect(try runs() == all)
        // The service's own may be under way just then.
        #expect(try awaits { try place.bailey(["audit", "prune"]).code == 0 })
        #expect(try runs().isEmpty)
        end(server)
        #expect(try place.bailey(["audit", "verify"]).code == 0)
    }

    @Test("Supervisors that take nobody keep bailey serve from pruning, and not from ending")
    func ending() throws {
        let server = try serving()
        #expect(try place.agent("true").code == 0)
        // Each is waited for a quarter of a minute: six minutes, three times as long as this waits for the end.
        let program = """
            import os, socket, time
            held = []
            for number in range(24):
                path = os.environ["XDG_RUNTIME_DIR"] + "/bailey/%08x" % number
                listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                listener.bind(path)
                listener.listen(0)
                held.append(listener)
                while True:
                    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                    client.setblocking(False)
                    held.append(client)
                    try:
                        client.connect(path)
                    except BlockingIOError:
                        break
            print("full", flush=True)
            time.sleep(600)
            """
        let others = try RunningCommand(
            ["python3", "-c", program],
            environment: place.environment,
            directory: place.root
        )
        #expect(others.awaitOutput("full"))
        // It looks each second, for a moment: what has the log for so long is waiting for them.
        var looks = 0
        #expect(
            try awaits {
                let free =
                    try place.control("flock -n '\(place.root)/state/bailey/pruning.lock' true").code == 0
                looks = free ? 0 : looks + 1
                return looks == 3
            }
        )
        server.signal(SIGTERM)
        let outcome = server.finish(bound: 120)
        #expect(outcome.code == 0, "\(outcome)")
        others.signal(SIGKILL)
        _ = others.finish()
        #expect(try place.bailey(["audit", "verify"]).code == 0)
        #expect(try !runs().isEmpty, "nothing went where somebody may have had agents")
    }

    @Test("I05: that bailey serve cannot prune is on record once, stops nothing, and so is that it can again")
    func cannot() throws {
        let server = try serving()
        #expect(try place.agent("true").code == 0)
        let alone = try RunningCommand(
            [place.binary, "run", "--alone"] + Kernel.options + ["--", "sh", "-c", "echo ready; sleep 600"],
            environment: place.environment,
            directory: place.workspace
        )
        #expect(alone.awaitOutput("ready"))
        // A supervisor that does not answer: its agents may live.
        alone.signal(SIGSTOP)
        #expect(try awaits { try place.bailey(["audit"]).output.contains("pruning-failed") })
        #expect(server.awaitErrors("the log could not be pruned"))
        let served = try Command.run(
            [place.binary, "run", "--", "sh", "-c", "echo went on"],
            environment: place.environment,
            directory: place.workspace
        )
        #expect(served.output == "went on\n", "\(served)")
        alone.signal(SIGCONT)
        #expect(try awaits { try place.bailey(["audit"]).output.contains("pruning-resumed") })
        let audit = try place.bailey(["audit"])
        #expect(audit.lines.filter { $0.contains("pruning-failed") }.count == 1, "\(audit)")
        alone.signal(SIGTERM)
        _ = alone.finish()
        end(server)
        #expect(try place.bailey(["audit", "verify"]).code == 0)
    }
}
