import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Other users of the machine who answer, over a socket for answers alone.
    @Suite("Approvers", .serialized, .enabled(if: getuid() == 0, "needs root, which can be other users"))
    struct ApproverTests {
        /// The group of the socket, and that of the rules: of Debian's base-passwd, with `games` (5) and `man` (6).
        static let (users, source) = (100, 40)
        let service: ApprovalService
        var place: Place { service.place }
        private let folder: Folder

        /// A folder of root's, in which nobody else writes.
        private final class Folder {
            let path: String

            init() throws {
                var template = Array("/tmp/bailey-answers-XXXXXX".utf8CString)
                guard mkdtemp(&template) != nil else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
                path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
                chmod(path, 0o755)
            }

            deinit { try? FileManager.default.removeItem(atPath: path) }
        }

        init() throws {
            folder = try Folder()
            service = try ApprovalService(
                approval: "wait: 120s, by: [\"group:src\"]",
                more: "  socket: {path: \(folder.path)/answers, group: users}"
            )
        }

        var socket: String { folder.path + "/answers" }

        /// A command of another user's, of these groups.
        func other(
            _ user: Int,
            groups: [Int],
            _ words: [String],
            before: [String] = []
        ) throws -> Outcome {
            let list = groups.map(String.init).joined(separator: ",")
            let prefix = ["setpriv", "--reuid", "\(user)", "--regid", "60"]
            return try Command.run(
                before + prefix + (groups.isEmpty ? ["--clear-groups"] : ["--groups", list]) + words,
                environment: ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/", "LANG": "C.UTF-8"],
                directory: "/"
            )
        }

        func approvals(_ user: Int, groups: [Int], _ words: [String]) throws -> Outcome {
            try other(
                user,
                groups: groups,
                [Binary.path(for: .plainUser), "approvals"] + words + ["--socket", socket]
            )
        }

        @Test(
            "A member of the group that a rule names approves over the approvers' socket, on record with the group; others are refused"
        )
        func members() throws {
            let server = try service.serving()
            let running = try service.asking("/a/group")
            let held = try #require(try place.held(1).first)
            let list = try approvals(5, groups: [Self.users, Self.source], ["list", "--json"])
            #expect(list.code == 0 && list.output.contains(held.digest), "\(list)")
            #expect(try approvals(6, groups: [Self.users], ["show", held.id]).output.contains(held.digest))
            // Who is not in the socket's group is kept out by the kernel.
            let outsider = try approvals(7, groups: [Self.source], ["approve", held.id])
            #expect(outsider.code == 1 && outsider.errors.contains("Permission denied"), "\(outsider)")
            // Whose number stands for all who have none is not heard, and is not told that nothing waits.
            let nobody = try approvals(65_534, groups: [Self.users], ["list"])
            #expect(nobody.code == 1 && nobody.output.isEmpty, "\(nobody)")
            #expect(nobody.errors.contains("the user who has the number of all who have none"), "\(nobody)")
            let refused = try approvals(6, groups: [Self.users], ["approve", held.id])
            #expect(
                refused.code == 1 && refused.errors.contains("may not approve it by the rules"),
                "\(refused)"
            )
            #expect(try place.held(1).first?.id == held.id)
            #expect(try service.hooks.posts(1).count == 1)
            let approved = try approvals(
                5,
                groups: [Self.users, Self.source],
                ["approve", held.id, "--reason", "looks right"]
            )
            #expect(approved.code == 0 && approved.output == "approved \(held.id)\n", "\(approved)")
            #expect(running.finish().output == "200")
            // Who was told of it is told how it ended, by whichever way that came.
            let end = try WebhookEnd(try #require(try service.hooks.posts(2).last))
            let ended = try #require(end.data.ended.first, "\(end)")
            #expect(ended.id == held.id && ended.outcome == "approved" && ended.by == "user:games", "\(end)")
            #expect(ended.via == "socket" && ended.reason == "looks right", "\(end)")
            #expect(
                try service.answers() == ["asked", "refused user:man socket", "approved user:games socket"]
            )
            let audit = try place.bailey(["audit"]).output
            #expect(audit.contains("by user:games of group:src (socket), for once: looks right"), "\(audit)")
            service.end(server)
            #expect(access(socket, F_OK) != 0 && access(socket + ".lock", F_OK) != 0)
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test(
            "Whoever started the run is in the group as well, and approves nothing by that, over either socket"
        )
        func own() throws {
            let server = try service.serving()
            let running = try service.asking("/a/own")
            let id = try #require(try place.held(1).first).id
            for more in [[], ["--socket", socket]] {
                let outcome = try Command.run(
                    [
                        "setpriv", "--groups", "\(Self.users),\(Self.source)", place.binary, "approvals",
                        "approve", id,
                    ]
                        + more,
                    environment: place.environment,
                    directory: place.root
                )
                #expect(outcome.code == 1 && outcome.errors.contains("no group stands for"), "\(outcome)")
            }
            let denied = try approvals(6, groups: [Self.users], ["deny", id, "--reason", "not on a Friday"])
            #expect(denied.code == 0, "\(denied)")
            #expect(running.finish().output == "403")
            #expect(place.read("workspace/body")?.contains("denied by user:man: not on a Friday") == true)
            service.end(server)
        }

        @Test(
            "Over the approvers' socket a secret is hidden where the end of what is shown cuts it in two, and where all of a launch is"
        )
        func masked() throws {
            let token = "ghp_" + String(repeating: "aB3", count: 12)
            let zeros = String(repeating: "0", count: 2_000)
            try service.profile(
                "wait: 120s",
                more: "children: {profiles: [tool], ask: [tool], depth: 1, count: 2, approval: {wait: 120s}}"
            )
            try place.write(
                "bailey: 1\nname: tool\nextends: [base]\n",
                to: place.configuration + "/profiles/tool.yaml"
            )
            let server = try service.serving()
            let running = try service.running(
                "printf '%02040d \(token)' 0 | curl -sS -m120 -o body -w '%{http_code}' --data-binary @- \(service.origin)/a/cut;"
                    + " bailey run -p tool -- true \"$(printf '%02000d \(token)' 0)\""
            )
            let request = try #require(try place.held(1).first).id
            let own = try place.bailey(["approvals", "show", request, "--json"]).output
            #expect(own.contains("0 ghp_aB3"), "the control: the supervisor's own user sees all: \(own)")
            let shown = try approvals(6, groups: [Self.users], ["show", request, "--json"])
            #expect(shown.code == 0 && shown.output.contains(zeros), "\(shown)")
            #expect(!shown.output.contains("ghp_a"), "\(shown)")
            #expect(try place.bailey(["approvals", "deny", request]).code == 0)
            let launch = try #require(try place.held(1).first { $0.id != request }).id
            #expect(try place.bailey(["approvals", "show", launch, "--json"]).output.contains(token))
            let whole = try approvals(6, groups: [Self.users], ["show", launch, "--json"])
            #expect(whole.code == 0 && whole.output.contains(zeros), "\(whole)")
            #expect(!whole.output.contains("ghp_a"), "\(whole)")
            #expect(try place.bailey(["approvals", "deny", launch]).code == 0)
            let outcome = running.finish()
            #expect(outcome.output == "403" && outcome.code != 0, "\(outcome)")
            service.end(server)
        }

        @Test("Two of a group have to approve where a rule says so, and one of them twice is one")
        func two() throws {
            try service.profile("wait: 120s, approvers: 2, by: [\"group:src\"]")
            let server = try service.serving()
            let running = try service.asking("/a/two")
            let id = try #require(try place.held(1).first).id
            let groups = [Self.users, Self.source]
            let first = try approvals(5, groups: groups, ["approve", id])
            #expect(first.code == 0 && first.output.contains("1 more has to approve it"), "\(first)")
            let again = try approvals(5, groups: groups, ["approve", id])
            #expect(again.code == 1 && again.errors.contains("has approved it already"), "\(again)")
            #expect(try approvals(6, groups: groups, ["approve", id]).code == 0)
            #expect(running.finish().output == "200")
            service.end(server)
        }

        @Test(
            "H10: over the approvers' socket nothing is launched, listed, ended or revoked, and no rule's questions are denied at once"
        )
        func narrow() throws {
            let server = try service.serving()
            let running = try service.asking("/a/narrow")
            let held = try #require(try place.held(1).first)
            // A packet has 0 in front where no more follow; then the kind: what each begins with is enough to be refused, and an
            // answer to all of a rule's questions is a whole one.
            let program = """
                import socket, struct
                def ask(*octets):
                    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                    s.settimeout(60)
                    s.connect("\(socket)")
                    s.send(bytes([0]) + bytes(octets))
                    return s.recv(65536)
                text = lambda words: struct.pack(">i", len(words)) + words.encode()
                print(ask(4, *bytes(8))[1], ask(2, 0, 0, 0, 15)[1], ask(5, *text("\(held.agent)"))[1])
                print(b"nothing else" in ask(4, *bytes(8)))
                print(ask(8, 1, *text("asking.yaml:5"), 0, 0, 0)[1:3])
                """
            let outcome = try other(5, groups: [Self.users, Self.source], ["python3", "-c", program])
            #expect(outcome.code == 0 && outcome.output == "2 2 2\nTrue\nb'\\n\\x03'\n", "\(outcome)")
            #expect(try place.held(1).first?.id == held.id)
            let all = try approvals(5, groups: [Self.users], ["deny", "--all-of", "asking.yaml:5"])
            #expect(all.code == 64 && all.errors.contains("own user's alone"), "\(all)")
            // The control: the supervisor's own user ends the agent.
            #expect(try place.bailey(["kill", held.agent]).code == 0)
            #expect(running.finish().code != 0)
            service.end(server)
        }

        @Test(
            "H10: nobody inside a container or an agent is heard at the approvers' socket, whatever user they are"
        )
        func enclosed() throws {
            try place.write(
                "bailey: 1\nname: greedy\nextends: [base]\nfiles: {write: [\"\(folder.path)\"]}\n",
                to: place.configuration + "/profiles/greedy.yaml"
            )
            let server = try service.serving()
            let running = try service.asking("/a/enclosed")
            let held = try #require(try place.held(1).first)
            let words = [Binary.path(for: .plainUser), "approvals", "approve", held.id, "--socket", socket]
            let groups = [Self.users, Self.source]
            let outcome = try other(5, groups: groups, words, before: ["unshare", "-p", "-f"])
            #expect(outcome.code == 1 && outcome.errors.contains("takes nobody from where"), "\(outcome)")
            #expect(try place.held(1).first?.id == held.id)
            let greedy = try Command.run(
                [place.binary, "run", "-p", "greedy", "--", "true"],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(greedy.code == 125 && greedy.errors.contains(folder.path), "\(greedy)")
            // The control: the same outside.
            #expect(try other(5, groups: groups, words).code == 0)
            #expect(running.finish().output == "200")
            service.end(server)
        }

        @Test(
            "H10: over the approvers' socket nobody leaves a descriptor that the supervisor would have to close",
            .enabled(if: Kernel.refusesDescriptors, "needs Linux 6.16 (SO_PASSRIGHTS)")
        )
        func descriptors() throws {
            let server = try service.serving()
            // From inside a container as from outside; the control is a socket that takes them.
            let program = """
                import socket
                def send(peer):
                    handed = socket.socket()
                    try: socket.send_fds(peer, [b"x"], [handed.fileno()])
                    # Of another pid namespace, it may have been turned away by then.
                    except (PermissionError, BrokenPipeError): return "refused"
                    return "queued"
                peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                peer.connect("\(socket)")
                own, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                print(send(peer), send(own))
                """
            for before in [[], ["unshare", "-p", "-f"]] {
                let words = ["python3", "-c", program]
                let outcome = try other(6, groups: [Self.users], words, before: before)
                #expect(outcome.code == 0 && outcome.output == "refused queued\n", "\(outcome)")
            }
            service.end(server)
        }

        @Test("Connections of one who says nothing keep nobody else from answering")
        func silent() throws {
            let server = try service.serving()
            let running = try service.asking("/a/silent")
            let id = try #require(try place.held(1).first).id
            let program = """
                import os, socket, time
                os.setgroups([\(Self.users)]); os.setgid(60); os.setuid(6)
                peers = []
                for _ in range(40):
                    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                    s.settimeout(60)
                    s.connect("\(socket)")
                    peers.append(s)
                told = peers[4].recv(65536)
                print("refused" if b"connections already" in told else told, flush=True)
                time.sleep(60)
                """
            let silent = try RunningCommand(
                ["python3", "-c", program],
                environment: place.environment,
                directory: "/"
            )
            #expect(silent.awaitOutput("refused"))
            #expect(try approvals(5, groups: [Self.users, Self.source], ["approve", id]).code == 0)
            #expect(running.finish().output == "200")
            silent.signal(SIGKILL)
            _ = silent.finish()
            service.end(server)
        }

        @Test(
            "Who looks at more than anybody reads is sent away, and so is who says nothing for a minute; others go on"
        )
        func tooMuch() throws {
            let server = try service.serving()
            let running = try service.asking("/a/looks")
            let held = try #require(try place.held(1).first)
            // A packet has 0 in front where no more follow; 9 is to show all of one. What is no question's makes the next be put together.
            let program = """
                import os, socket, struct, time
                os.setgroups([\(Self.users)]); os.setgid(60); os.setuid(6)
                def connected():
                    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                    s.settimeout(150)
                    s.connect("\(socket)")
                    return s
                silent, looking = connected(), connected()
                def look(name):
                    text = name.encode()
                    looking.send(bytes([0, 9]) + struct.pack(">i", len(text)) + text + bytes(8))
                    return looking.recv(65536)
                seen = 0
                while b"than anybody reads" not in look("\(held.id)") and seen < 1000:
                    seen += 1
                    look("none")
                print(100 < seen < 1000, looking.recv(65536), flush=True)
                print(b"said nothing" in silent.recv(65536), silent.recv(65536), flush=True)
                """
            let looking = try RunningCommand(
                ["python3", "-c", program],
                environment: place.environment,
                directory: "/"
            )
            #expect(looking.awaitOutput("True b''"))
            // The control: somebody else is shown it, and answers.
            let groups = [Self.users, Self.source]
            #expect(try approvals(5, groups: groups, ["show", held.id]).output.contains(held.digest))
            #expect(try approvals(5, groups: groups, ["approve", held.id]).code == 0)
            #expect(running.finish().output == "200")
            let outcome = looking.finish()
            #expect(outcome.code == 0 && outcome.output == "True b''\nTrue b''\n", "\(outcome)")
            service.end(server)
        }

        @Test(
            "A folder in which others write, or that lies where they do, and a socket that is somebody else's than who listens, are trusted by nobody"
        )
        func untrusted() throws {
            chmod(folder.path, 0o777)
            let start = try Command.run(place.server, environment: place.environment, directory: place.root)
            #expect(start.code == 125 && start.errors.contains("root may write (/"), "\(start)")
            // One of root's in it could be moved away, and another take its place.
            try FileManager.default.createDirectory(
                atPath: folder.path + "/below",
                withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o755]
            )
            let configuration = try #require(place.read(place.configuration + "/bailey.yaml"))
            try place.write(
                configuration.replacing(socket, with: folder.path + "/below/answers"),
                to: place.configuration + "/bailey.yaml"
            )
            let below = try Command.run(place.server, environment: place.environment, directory: place.root)
            #expect(
                below.code == 125 && below.errors.contains("may move a folder"),
                "\(below)"
            )
            chmod(folder.path, 0o755)
            let program = """
                import os, socket, time
                s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                s.bind("\(socket)"); os.chmod("\(socket)", 0o666)
                os.setgroups([]); os.setgid(60); os.setuid(6)
                s.listen(8)
                print("listening", flush=True)
                time.sleep(60)
                """
            let impostor = try RunningCommand(
                ["python3", "-c", program],
                environment: place.environment,
                directory: "/"
            )
            #expect(impostor.awaitOutput("listening"))
            let asked = try approvals(5, groups: [], ["list"])
            #expect(asked.code == 1 && asked.errors.contains("trust whoever listens at"), "\(asked)")
            impostor.signal(SIGKILL)
            _ = impostor.finish()
        }
    }
}
