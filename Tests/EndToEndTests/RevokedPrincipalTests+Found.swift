import Foundation
import Glibc
import TestSupport
import Testing

/// Which supervisors a revocation finds, and what it says of those that it does not reach.
extension EndToEnd.RevokedPrincipalTests {
    @Test(
        "Of two supervisors that said that they listen at one path, the one that is not heard there is named"
    )
    func onePath() throws {
        let folder = place.root + "/other"
        let command = ["--", "sh", "-c", "echo up; exec sleep \(mark)"]
        let first = try elsewhere(["serve"] + Kernel.options, folder)
        let lost = try elsewhere(["run"] + command, folder)
        // As after the last log-out and the next log-in: the folder is made anew, the server lives on.
        #expect(try place.control("mv '\(folder)' '\(folder).gone'").code == 0)
        let second = try elsewhere(["serve"] + Kernel.options, folder)
        let found = try elsewhere(["run"] + command, folder)
        let outcome = try place.bailey(["revoke", principal])
        #expect(outcome.code == 1 && outcome.output.contains(": 1 agent cut off"), "\(outcome)")
        #expect(outcome.errors.contains("lives and is not heard at \(folder)/"), "\(outcome)")
        #expect(outcome.errors.contains("revoke it again when that answers"), "\(outcome)")
        #expect(found.finish().code == 137)
        #expect(HostProcesses.running(with: mark, count: 1).count == 1)
        let control = try place.control(
            "mv '\(folder)' '\(folder).second' && mv '\(folder).gone' '\(folder)'"
        )
        #expect(control.code == 0)
        let again = try place.bailey(["revoke", principal])
        #expect(again.code == 1 && again.output.contains(": 1 agent cut off"), "\(again)")
        #expect(lost.finish().code == 137)
        for server in [first, second] {
            kill(server.processIdentifier, SIGTERM)
            #expect(server.finish().code == 0)
        }
    }

    @Test(
        "The end of a server takes nothing away of one that listens at its path since, in a folder made anew"
    )
    func endOfTheFirst() throws {
        let folder = place.root + "/other"
        let first = try elsewhere(["serve"] + Kernel.options, folder)
        #expect(try place.control("mv '\(folder)' '\(folder).gone'").code == 0)
        let second = try elsewhere(["serve"] + Kernel.options, folder)
        kill(first.processIdentifier, SIGTERM)
        #expect(first.finish().code == 0)
        // A run that it does not take would listen there itself.
        let found = try elsewhere(["run", "--", "sh", "-c", "echo up; exec sleep \(mark)"], folder)
        let left = try place.control("cd '\(folder)/bailey' && ls && cd '\(folder).gone/bailey' && ls")
        #expect(left.code == 0 && left.lines == ["control", "control.lock"], "\(left)")
        let third = try place.bailey(["serve"] + Kernel.options, environment: ["XDG_RUNTIME_DIR": folder])
        #expect(
            third.code == 125 && third.errors.contains("serves at \(folder)/bailey/control already"),
            "\(third)"
        )
        found.signal(SIGTERM)
        #expect(found.finish().code != 0)
        kill(second.processIdentifier, SIGTERM)
        #expect(second.finish().code == 0)
    }

    @Test(
        "A supervisor that is not heard is named where it may be meant: not for an agent of another that answered"
    )
    func oneAgent() throws {
        struct Line: Decodable { let agent: String }
        let folder = place.root + "/other"
        let alone = ["run", "--alone"] + Kernel.options
        let command = alone + ["--", "sh", "-c", "echo up; exec sleep \(mark)"]
        let lost = try elsewhere(command, folder)
        #expect(try place.control("mv '\(folder)' '\(folder).gone'").code == 0)
        let found = try elsewhere(command, place.root + "/run")
        let list = try place.bailey(["ps", "--json"])
        #expect(list.code == 1 && list.errors.contains("lives and is not heard at \(folder)/"), "\(list)")
        let agent = try JSONDecoder().decode(Line.self, from: Data(try #require(list.lines.first).utf8)).agent
        let outcome = try place.bailey(["revoke", agent])
        #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome)")
        #expect(found.finish().code == 137)
        // The control: once it is gone it may be one of the other's.
        let control = try place.bailey(["revoke", agent])
        #expect(control.code == 1 && control.errors.contains("lives and is not heard"), "\(control)")
        #expect(try place.control("mv '\(folder).gone' '\(folder)'").code == 0)
        #expect(try place.bailey(["revoke", principal]).code == 0)
        #expect(lost.finish().code == 137)
    }

    @Test(
        "A supervisor that this process cannot tell to be its user's is named: it is of another user namespace"
    )
    func otherNamespace() throws {
        let running = try elsewhere(
            ["run", "--alone"] + Kernel.options + ["--", "sh", "-c", "echo up; exec sleep \(mark)"],
            place.root + "/run"
        )
        let outcome = try Command.run(
            ["unshare", "-r", Binary.path, "revoke", principal],
            environment: place.environment,
            directory: place.workspace
        )
        #expect(outcome.code == 1 && outcome.errors.contains("or of another user namespace"), "\(outcome)")
        #expect(HostProcesses.running(with: mark, count: 1).count == 1)
        #expect(try place.bailey(["revoke", principal]).code == 0)
        #expect(running.finish().code == 137)
    }

    @Test("A supervisor whose link leads to what never answers is named, and keeps no order from the others")
    func neverAnswering() throws {
        let running = try elsewhere(
            ["run", "--alone"] + Kernel.options + ["--", "sh", "-c", "echo up; exec sleep \(mark)"],
            place.root + "/other"
        )
        let registered = place.root + "/state/bailey/run"
        let script = """
            import fcntl, os, socket, sys, time
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.bind('\(place.root)/deaf'); s.listen(0)
            full = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(4)]
            for c in full:
                c.setblocking(False)
                try: c.connect('\(place.root)/deaf')
                except OSError: pass
            lock = open('\(registered)/00000000.supervisor.lock', 'w')
            fcntl.flock(lock, fcntl.LOCK_EX)
            os.symlink('\(place.root)/deaf', '\(registered)/00000000.supervisor')
            print('up', flush=True); time.sleep(600)
            """
        try place.write(script, to: "deaf.py")
        let deaf = try RunningCommand(
            ["python3", place.root + "/deaf.py"],
            environment: place.environment,
            directory: place.root
        )
        #expect(deaf.awaitOutput("up"))
        let revoking = try RunningCommand(
            [Binary.path, "revoke", principal],
            environment: place.environment,
            directory: place.workspace
        )
        #expect(running.finish().code == 137)
        let outcome = revoking.finish()
        #expect(
            outcome.code == 1 && outcome.errors.contains("the supervisor of run 00000000 lives"),
            "\(outcome)"
        )
        kill(deaf.processIdentifier, SIGKILL)
        _ = deaf.finish()
    }

    @Test("Where supervisors may be that are not looked for, a revocation says so, with 1")
    func tooManyEntries() throws {
        let running = try elsewhere(
            ["run", "--alone"] + Kernel.options + ["--", "sh", "-c", "echo up; exec sleep \(mark)"],
            place.root + "/run"
        )
        let registered = place.root + "/state/bailey/run"
        let filled = try place.control("cd '\(registered)' && seq -f '%.0f.new' 4097 | xargs touch")
        try #require(filled.code == 0, "\(filled)")
        let outcome = try place.bailey(["revoke", principal])
        #expect(outcome.code == 1 && outcome.output.contains(": 1 agent cut off"), "\(outcome)")
        #expect(outcome.errors.contains("\(registered) has more than 4096 entries"), "\(outcome)")
        #expect(outcome.errors.contains("revoke it again"), "\(outcome)")
        #expect(running.finish().code == 137)
        let emptied = try place.control("cd '\(registered)' && seq -f '%.0f.new' 4097 | xargs rm")
        try #require(emptied.code == 0, "\(emptied)")
        let again = try place.bailey(["revoke", principal])
        #expect(again.code == 0 && !again.errors.contains("entries"), "\(again)")
    }

    @Test("With --state the supervisors of that log are asked, and no others of this user")
    func otherState() throws {
        let running = try elsewhere(
            ["run", "--alone"] + Kernel.options + ["--", "sh", "-c", "echo up; exec sleep \(mark)"],
            place.root + "/run"
        )
        let other = place.root + "/otherstate/bailey"
        let environment = [
            "XDG_STATE_HOME": place.root + "/otherstate", "XDG_RUNTIME_DIR": place.root + "/otherrun",
        ]
        #expect(try place.bailey(["run", "--", "true"], environment: environment).code == 0)
        let nobody = try place.bailey(["revoke", principal, "--state", other])
        #expect(nobody.code == 0 && nobody.output.contains("no agent"), "\(nobody)")
        #expect(HostProcesses.running(with: mark, count: 1).count == 1)
        let state = ["--state", place.root + "/state/bailey"]
        let outcome = try place.bailey(["revoke", principal] + state, environment: environment)
        #expect(outcome.code == 0 && outcome.output.contains(": 1 agent cut off"), "\(outcome)")
        #expect(running.finish().code == 137)
    }
}
