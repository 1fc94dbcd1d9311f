import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// `bailey serve --ahead`: sandboxes that are there before they are ordered.
    @Suite("Sandboxes made ahead", .serialized)
    struct AheadTests {
        let place: Place

        init() throws {
            place = try .nesting()
            place.isServed = true
        }

        private func serving(ahead: Int) throws -> RunningCommand {
            let server = try RunningCommand(
                place.server + ["--ahead", "\(ahead)"],
                environment: place.environment,
                directory: place.root
            )
            #expect(server.awaitErrors("serving at"))
            return server
        }

        private func end(_ server: RunningCommand) {
            kill(server.processIdentifier, SIGTERM)
            #expect(server.finish().code == 0)
        }

        private func awaitWaiting(_ count: Int, of server: pid_t) throws -> [pid_t] {
            try HostProcesses.isolated(below: server, count: count)
        }

        @Test("As many wait as --ahead says, and what was ordered is made up for")
        func count() throws {
            let server = try serving(ahead: 3)
            let before = try awaitWaiting(3, of: server.processIdentifier)
            #expect(before.count == 3)
            #expect(try place.bailey(["run", "--", "true"]).code == 0)
            // One that is being made stands in for the one that was taken.
            var after = try awaitWaiting(3, of: server.processIdentifier)
            let bound = Date(timeIntervalSinceNow: 60)
            while Set(after).intersection(before).count != 2, Date() < bound {
                after = try awaitWaiting(3, of: server.processIdentifier)
            }
            #expect(after.count == 3 && Set(after).intersection(before).count == 2, "\(before) then \(after)")
            end(server)
            #expect(try awaitWaiting(0, of: server.processIdentifier).isEmpty)
            let none = try serving(ahead: 0)
            #expect(try place.bailey(["run", "--", "true"]).code == 0)
            #expect(try awaitWaiting(0, of: none.processIdentifier).isEmpty)
            end(none)
        }

        @Test("One that was ended meanwhile is missed by no launch")
        func ended() throws {
            let server = try serving(ahead: 2)
            try endWaiting(2, of: server)
            let outcome = try place.bailey(["run", "--", "echo", "launched"])
            #expect(outcome.code == 0 && outcome.lines == ["launched"], "\(outcome)")
            try endWaiting(2, of: server)
            #expect(try awaitWaiting(0, of: server.processIdentifier).isEmpty)
            #expect(try place.bailey(["run", "--", "true"]).code == 0)
            end(server)
        }

        /// Kills those that wait, and returns when they are gone.
        private func endWaiting(_ count: Int, of server: RunningCommand) throws {
            let waiting = try awaitWaiting(count, of: server.processIdentifier)
            for process in waiting { kill(process, SIGKILL) }
            let end = Date(timeIntervalSinceNow: 60)
            while waiting.contains(where: HostProcesses.isAlive), Date() < end {
                Thread.sleep(forTimeInterval: 0.01)
            }
        }

        @Test("R12: none outlives a supervisor that is killed")
        func killed() throws {
            let server = try serving(ahead: 4)
            let parked = try awaitWaiting(4, of: server.processIdentifier)
            #expect(parked.count == 4)
            kill(server.processIdentifier, SIGKILL)
            _ = server.finish()
            let end = Date(timeIntervalSinceNow: 60)
            func left() -> [pid_t] { parked.filter { kill($0, 0) == 0 } }
            while !left().isEmpty, Date() < end { Thread.sleep(forTimeInterval: 0.02) }
            #expect(left().isEmpty)
        }

        @Test(
            "An agent sees what was mounted, and which file of the system was replaced, after its sandbox was made",
            .enabled(if: getuid() == 0)
        )
        func stale() throws {
            // In a mount namespace of its own, with an /etc that may be changed.
            let script = """
                set -e
                mkdir etc; cp -a /etc/os-release /etc/ssl /etc/passwd /etc/group /etc/alternatives etc/
                cp --remove-destination /usr/lib/os-release etc/os-release
                mount --bind etc /etc
                '\(place.binary)' serve --ahead 2 2>served & server=$!
                for i in $(seq 5000); do grep -q 'serving at' served && break; sleep 0.02; done
                cd workspace
                '\(place.binary)' run -- sh -c 'ls /usr/local/share; cat /etc/os-release' | grep -c -e fresh || true
                sleep 0.2
                mount -t tmpfs fresh /usr/local/share; touch /usr/local/share/fresh
                '\(place.binary)' run -- ls /usr/local/share
                sleep 0.2
                echo fresh=1 >/etc/new; mv /etc/new /etc/os-release
                '\(place.binary)' run -- cat /etc/os-release
                kill $server; wait $server
                """
            let outcome = try Command.run(
                ["unshare", "--mount", "sh", "-c", script],
                environment: place.environment,
                directory: place.root
            )
            #expect(outcome.code == 0 && outcome.lines == ["0", "fresh", "fresh=1"], "\(outcome)")
        }

        @Test(
            "What Bailey puts in is there and seen, whatever is granted or hidden around it",
            .enabled(if: Kernel.grantsSystemFolders, "\(Kernel.systemFolders)"),
            arguments: [0, 2]
        )
        func putIn(ahead: Int) throws {
            try place.write(
                "bailey: 1\nname: whole\nextends: [base]\nfiles: {read: [/etc]}\n",
                to: "config/bailey/profiles/whole.yaml"
            )
            try place.write(
                "bailey: 1\nname: hidden\nextends: [base]\nfiles: {read: [/etc/ssl], hide: [/etc/ssl/private]}\n",
                to: "config/bailey/profiles/hidden.yaml"
            )
            let server = try serving(ahead: ahead)
            _ = try awaitWaiting(ahead, of: server.processIdentifier)
            let look =
                "head -n 1 /etc/resolv.conf; sha256sum </etc/ssl/certs/ca-certificates.crt; cat /etc/hosts"
            let expected = try place.bailey(["run", "--", "sh", "-c", look])
            #expect(expected.code == 0 && expected.lines.first == "nameserver 198.18.0.53", "\(expected)")
            for profile in ["whole", "hidden"] {
                let outcome = try place.bailey(["run", "-p", profile, "--", "sh", "-c", look])
                #expect(outcome.code == 0 && outcome.lines == expected.lines, "\(profile): \(outcome)")
            }
            // The host's own bundle is another: without what is put in, the sums would be the same as outside.
            let host = try Command.run(
                ["sh", "-c", look],
                environment: place.environment,
                directory: place.root
            )
            #expect(host.lines != expected.lines, "\(host)")
            end(server)
        }

        @Test(
            "An order that is refused leaves the next one nothing of it",
            .enabled(if: Kernel.grantsSystemFolders, "\(Kernel.systemFolders)")
        )
        func refused() throws {
            let server = try serving(ahead: 1)
            #expect(try awaitWaiting(1, of: server.processIdentifier).count == 1)
            let missing = try place.bailey(["run", "--", "no-such-program"])
            #expect(missing.code == 127 && missing.errors.contains("no-such-program"), "\(missing)")
            let outside = try place.bailey(["run", "-w", "/usr/share", "--", "true"])
            #expect(outside.code == 125 && outside.errors.contains("chdir"), "\(outside)")
            let outcome = try place.bailey(["run", "--", "sh", "-c", "ls /usr/share/doc >/dev/null; pwd"])
            #expect(outcome.code == 0 && outcome.lines == [place.workspace], "\(outcome)")
            end(server)
        }
    }
}
