import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd.LaunchTests {
    /// A launch that must not happen: 125, these words, and no trace of the command.
    private func expectRefused(_ words: [String], saying parts: [String]) throws {
        let outcome = try place.bailey(["run"] + words + ["--", "touch", place.workspace + "/ran"])
        #expect(outcome.code == 125, "\(outcome)")
        for part in parts { #expect(outcome.errors.contains(part), "\(outcome)") }
        #expect(place.read("workspace/ran") == nil)
    }

    @Test("A workspace that is not there: 125 with the step, the object, errno and the remedy")
    func missingWorkspace() throws {
        let missing = place.root + "/gone"
        try expectRefused(["-w", missing], saying: ["realpath", missing, "No such file", "-w"])
    }

    @Test("A current directory that has vanished")
    func vanishedDirectory() throws {
        let script = "mkdir d; cd d; rmdir ../d; exec \(Binary.path) run -- touch \(place.workspace)/ran"
        let outcome = try place.control(script)
        #expect(outcome.code == 125 && outcome.errors.contains("directory"), "\(outcome)")
        #expect(place.read("workspace/ran") == nil)
    }

    @Test("A profile that does not exist, or cannot be read, runs nothing")
    func missingProfile() throws {
        try expectRefused(["-p", "no-such"], saying: ["no-such"])
        try expectRefused(["-p", "./no-such.yaml"], saying: ["no-such.yaml"])
    }

    @Test("A profile with an unknown key runs nothing, and the message has the line and the nearest word")
    func misspelledProfile() throws {
        try place.write("bailey: 1\nname: odd\nfiles: {raed: [/srv]}\n", to: "workspace/odd.yaml")
        try expectRefused(["-p", "./odd.yaml"], saying: ["odd.yaml:3", "raed", "read"])
    }

    @Test("A profile that names a path that is not there runs nothing")
    func missingPath() throws {
        try place.write(
            "bailey: 1\nname: odd\nextends: [base]\nfiles: {read: [/no/such]}\n",
            to: "workspace/odd.yaml"
        )
        try expectRefused(["-p", "./odd.yaml"], saying: ["open_tree", "/no/such", "No such file"])
    }

    @Test(
        "M36: a workspace that would hand over the machine is refused",
        arguments: ["/", "/proc", "/sys/fs", "/dev", "/run"]
    )
    func wholeMachine(path: String) throws {
        try expectRefused(["-w", path], saying: ["grant a path (\(path))"])
    }

    @Test("M36: Bailey's own state is no workspace")
    func ownState() throws {
        try expectRefused(["-w", place.root + "/state"], saying: ["own state"])
        try expectRefused(["-w", place.configuration], saying: ["own state"])
    }

    @Test("R02, G26: where user namespaces are forbidden nothing runs, and the message says what to do")
    func noUserNamespaces() throws {
        let place = try Place(for: .ordinary)
        let forbid = "echo 0 > /proc/sys/user/max_user_namespaces"
        let script = "\(forbid); exec \(place.binary) run -- touch \(place.workspace)/ran"
        let outcome = try place.control(
            "exec unshare --user --map-user=1000 --map-group=1000 --keep-caps sh -c '\(script)'"
        )
        #expect(outcome.code == 125, "\(outcome)")
        #expect(outcome.errors.contains("clone3") && outcome.errors.contains("doctor"), "\(outcome)")
        #expect(place.read("workspace/ran") == nil)
    }

    @Test(
        "A workspace that is no folder, or one that may not be entered, is refused by name",
        arguments: ["file", "shut"]
    )
    func unusableWorkspace(name: String) throws {
        let place = try Place(for: .ordinary)
        try place.write("", to: "file")
        try FileManager.default.createDirectory(
            atPath: place.root + "/shut",
            withIntermediateDirectories: true
        )
        chmod(place.root + "/shut", 0)
        let outcome = try place.bailey(["run", "-w", place.root + "/" + name, "--", "true"])
        #expect(outcome.code == 125 && outcome.errors.contains("-w"), "\(outcome)")
        #expect(outcome.errors.contains("(\(place.root)/\(name))"), "\(outcome)")
        chmod(place.root + "/shut", 0o755)
    }

    @Test(
        "A folder of one's own that is not writable cannot hold a protected path's place, and the message says how"
    )
    func readOnlyWorkspace() throws {
        let place = try Place(for: .ordinary)
        chmod(place.workspace, 0o555)
        let outcome = try place.agent("true")
        #expect(outcome.code == 125 && outcome.errors.contains("chmod u+w"), "\(outcome)")
        try place.profile("open", "files: {write: [$WORKSPACE]}\n")
        #expect(try place.agent("touch x; echo ran", profile: "open").lines == ["ran"])
        chmod(place.workspace, 0o755)
    }

    @Test("A refused launch leaves nothing in the folder of sockets")
    func nothingInRuntimeFolder() throws {
        let place = try Place()
        #expect(try place.bailey(["run", "-p", "nosuch", "--", "true"]).code == 125)
        #expect(try place.bailey(["run", "--", "no-such-program"]).code == 127)
        #expect(try place.control("find '\(place.root)/run' ! -type d").output.isEmpty)
        let registered = try place.control("find '\(place.root)/state/bailey/run' ! -type d")
        #expect(registered.code == 0 && registered.output.isEmpty, "\(registered)")
    }

    @Test("An unknown option or no command runs nothing", arguments: [["--no-such", "x"], ["-p"], []])
    func wrongUsage(words: [String]) throws {
        let outcome = try place.bailey(["run"] + words)
        #expect(outcome.code == 125 && outcome.errors.contains("bailey run"), "\(outcome)")
    }

    @Test("P29: a command that looks like an option is a command", arguments: ["--bind", "-c", "a\nb"])
    func optionLikeCommand(name: String) throws {
        let outcome = try place.bailey(["run", "--", name])
        #expect(outcome.code == 127 && outcome.errors.contains(name), "\(outcome)")
    }

    @Test("P30: the caller's search path does not choose the launcher's programs")
    func hijackedPath() throws {
        for name in ["bailey-init", "newuidmap", "nft", "ip", "mount"] {
            try place.write("#!/bin/sh\ntouch \(place.root)/hijacked\n", to: "workspace/\(name)", mode: 0o755)
        }
        let path = ["PATH": "\(place.workspace):.:/usr/bin:/bin"]
        #expect(try place.bailey(["run", "--", "true"], environment: path).code == 0)
        #expect(place.read("hijacked") == nil)
    }
}
