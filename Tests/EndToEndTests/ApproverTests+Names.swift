import Foundation
import TestSupport
import Testing

extension EndToEnd.ApproverTests {
    @Test(
        "A user and groups without a name, and a name without a group, are looked up by no library that ends the program"
    )
    func nameless() throws {
        let server = try service.serving()
        let running = try service.asking("/a/nameless")
        let id = try #require(try place.held(1).first).id
        let refused = try approvals(4_242, groups: [Self.users, 4_243], ["approve", id])
        #expect(
            refused.code == 1 && refused.errors.contains("may not approve it by the rules"),
            "\(refused)"
        )
        let approved = try approvals(5, groups: [4_243, Self.users, Self.source], ["approve", id])
        #expect(approved.code == 0, "\(approved)")
        #expect(running.finish().output == "200")
        #expect(
            try service.answers() == ["asked", "refused user:4242 socket", "approved user:games socket"]
        )
        service.end(server)
        // Whose home directory has to be looked up.
        let list = try other(
            4_242,
            groups: [],
            [Binary.path(for: .plainUser), "ps"],
            before: ["env", "-u", "HOME"]
        )
        #expect(list.code < 128, "\(list)")
        try place.write(
            "bailey: 1\napprovals: {socket: {path: \(socket), group: no-such-group}}\n",
            to: place.configuration + "/bailey.yaml"
        )
        let none = try place.agent("true")
        #expect(none.code == 125 && none.errors.contains("has no group \"no-such-group\""), "\(none)")
    }

    @Test(
        "Groups that cannot be read keep bailey serve from starting and answers from counting, and no launch"
    )
    func unread() throws {
        // What cannot be opened (ENXIO).
        let made = try place.control(
            "python3 -c 'import socket; socket.socket(1).bind(\"\(place.root)/unread\")'"
        )
        try #require(made.code == 0, "\(made)")
        let blind = [
            "unshare", "-m", "sh", "-c", "mount --bind '\(place.root)/unread' /etc/group && exec \"$@\"",
            "sh",
        ]
        let server = try Command.run(
            blind + place.server,
            environment: place.environment,
            directory: place.root
        )
        #expect(server.code == 125 && server.errors.contains("looked up in /etc/group"), "\(server)")
        let running = try RunningCommand(
            blind + [place.binary, "run", "--alone"] + Kernel.options + [
                "-p", "asking", "--", "sh", "-c", "curl -sS -m120 \(service.origin)/a/unread",
            ],
            environment: place.environment,
            directory: place.workspace
        )
        let id = try #require(try place.held(1).first).id
        for word in ["approve", "deny"] {
            let refused = try place.bailey(["approvals", word, id])
            #expect(refused.code == 1 && refused.errors.contains("looked up in /etc/group"), "\(refused)")
        }
        running.signal(SIGTERM)
        _ = running.finish()
        // The control: where they can be read, both are.
        let serving = try service.serving()
        let other = try service.asking("/a/read")
        let next = try #require(try place.held(1).first).id
        #expect(try approvals(5, groups: [Self.users, Self.source], ["approve", next]).code == 0)
        #expect(other.finish().output == "200")
        service.end(serving)
    }

    @Test(
        "Who is revoked approves nothing while their name cannot be looked up either: nobody's answer counts then"
    )
    func unreadMeanwhile() throws {
        let made = try place.control(
            "python3 -c 'import socket; socket.socket(1).bind(\"\(place.root)/unread\")'"
        )
        try #require(made.code == 0, "\(made)")
        let server = try RunningCommand(
            ["unshare", "-m"] + place.server,
            environment: place.environment,
            directory: place.root
        )
        #expect(server.awaitErrors("serving at"))
        let running = try service.asking("/a/meanwhile")
        let id = try #require(try place.held(1).first).id
        let groups = [Self.users, Self.source]
        #expect(try place.bailey(["revoke", "user:games"]).code == 0)
        // Where the server lives, and nowhere else.
        let there = "nsenter -m -t \(server.processIdentifier)"
        let gone = try place.control("\(there) mount --bind '\(place.root)/unread' /etc/passwd")
        try #require(gone.code == 0, "\(gone)")
        let answers = [(try approvals(5, groups: groups, ["approve", id]), 5)]
        for (outcome, user) in answers + [(try place.bailey(["approvals", "approve", id]), 0)] {
            #expect(
                outcome.code == 1
                    && outcome.errors.contains("user id \(user) cannot be looked up in /etc/passwd"),
                "\(outcome)"
            )
        }
        let back = try place.control("\(there) umount /etc/passwd")
        try #require(back.code == 0, "\(back)")
        let revoked = try approvals(5, groups: groups, ["approve", id])
        #expect(revoked.code == 1 && revoked.errors.contains("answers nothing any more"), "\(revoked)")
        // The control: it was for the revocation, and for the name.
        #expect(try place.bailey(["revoke", "--lift", "user:games"]).code == 0)
        #expect(try approvals(5, groups: groups, ["approve", id]).code == 0)
        #expect(running.finish().output == "200")
        service.end(server)
    }
}
