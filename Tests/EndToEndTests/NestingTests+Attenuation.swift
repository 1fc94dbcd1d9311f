import Foundation
import Glibc
import Testing

extension EndToEnd.NestingTests {
    /// A child under a profile of this body, which tries to leave a mark.
    private func wider(_ body: String, top: String = "") throws -> Outcome {
        try place.profile(
            "narrow",
            "extends: [base]\n\(top)children: {profiles: [wide], depth: 2, count: 4}\n"
        )
        // The agent's own text: of an operator's it would hear no more than the keys.
        try place.write("bailey: 1\nname: wide\nextends: [base]\n\(body)", to: "workspace/wide.yaml")
        return try place.agent("bailey run -p ./wide.yaml -- touch ran", profile: "narrow")
    }

    @Test(
        "H01: a child whose profile is wider is refused with what exceeds",
        arguments: [
            ("files: {write: [/srv]}", "/srv"), ("files: {read: [/home]}", "/home"),
            ("env: {pass: [SECRET_TOKEN]}", "SECRET_TOKEN"),
            ("egress: [{to: \"https://example.com\", allow: [GET]}]", "example.com"),
            ("limits: {processes: 4000}", "processes"), ("limits: {open-files: 9000}", "open-files"),
            ("children: {profiles: [other], depth: 1, count: 1}", "other"),
            ("children: {profiles: [wide], depth: 9, count: 1}", "depth"),
            ("children: {profiles: [wide], depth: 1, count: 99}", "count"),
        ]
    )
    func widerProfile(body: String, named: String) throws {
        let outcome = try wider(body + "\n")
        #expect(outcome.code == 125)
        #expect(outcome.errors.contains("is wider than 'narrow'"), "\(outcome)")
        #expect(outcome.errors.contains(named), "\(outcome)")
        #expect(place.read("workspace/ran") == nil)
    }

    @Test("H01: a child asks for more time or memory than its parent has")
    func moreTime() throws {
        let outcome = try wider(
            "limits: {time: 2m, memory: 2GiB}\n",
            top: "limits: {time: 1m, memory: 1GiB, enforced: best-effort}\n"
        )
        #expect(outcome.code == 125)
        #expect(outcome.errors.contains("time") && outcome.errors.contains("memory"), "\(outcome)")
        #expect(place.read("workspace/ran") == nil)
    }

    @Test("H01: a limit, a hidden or a protected path that a child's profile leaves out is the parent's")
    func droppedLimits() throws {
        try place.write("secret", to: "workspace/hidden")
        try place.write("as it was", to: "workspace/kept")
        try place.profile(
            "tight",
            """
            extends: [base]
            files: {hide: [$WORKSPACE/hidden], protect: [$WORKSPACE/kept]}
            limits: {open-files: 100, disk: 1MiB, time: 1m}
            children: {profiles: [bare], depth: 1, count: 4}

            """
        )
        try place.profile("bare", "files: {write: [$WORKSPACE]}\n")
        let script = "cat hidden; echo x > kept; ulimit -n; df -k --output=size /tmp | tail -n 1"
        let outcome = try place.agent("bailey run -p bare -- sh -c '\(script)'", profile: "tight")
        #expect(outcome.output.split { $0 == " " || $0 == "\n" } == ["100", "1024"], "\(outcome)")
        #expect(place.read("workspace/kept") == "as it was")
    }

    @Test("A profile that is as wide as its parent's is admitted")
    func equallyWide() throws {
        #expect(try wider("").code == 0)
        #expect(place.read("workspace/ran") != nil)
    }

    @Test("H01: the kernel keeps a child's view within its parent's, whatever its workspace")
    func kernelView() throws {
        let outside = place.root + "/outside"
        try place.write("secret of the host", to: "outside/file")
        #expect(try place.control("cat \(outside)/file").output.contains("secret"))
        let outcome = try place.agent(
            "bailey run -p mid -w \(outside) -- cat \(outside)/file",
            profile: "top"
        )
        #expect(outcome.code == 125)
        #expect(!outcome.output.contains("secret"))
    }

    @Test("H01: read-write in a child where the parent has read-only")
    func readOnlyParent() throws {
        try place.write("as it was", to: "shared/file")
        let shared = place.root + "/shared"
        try place.profile(
            "reader",
            "extends: [base]\nfiles: {read: [\(shared)]}\nchildren: {profiles: [writer], depth: 1, count: 4}\n"
        )
        try place.profile("writer", "extends: [base]\nfiles: {write: [\(shared)]}\n")
        let named = try place.agent(
            "bailey run -p writer -- sh -c 'echo x > \(shared)/file'",
            profile: "reader"
        )
        #expect(named.code != 0)
        #expect(place.read("shared/file") == "as it was")
        // As its workspace, which every profile may write: the mount is the parent's, read-only.
        try place.profile("writer", "extends: [base]\n")
        let moved = try place.agent(
            "cd \(shared) && bailey run -p writer -- sh -c 'echo x > \(shared)/file'",
            profile: "reader"
        )
        #expect(moved.code != 0)
        #expect(place.read("shared/file") == "as it was")
        #expect(try place.control("echo x > \(shared)/file").code == 0)
    }

    @Test(
        "H02: a workspace that is a planted link leads nowhere",
        arguments: ["link", "sub/../link", "link/ssh"]
    )
    func plantedLink(path: String) throws {
        let script = """
            ln -s /etc link; mkdir -p sub
            bailey run -p mid -w "$PWD/\(path)" -- sh -c 'touch ran; touch /etc/ran'
            """
        let outcome = try place.agent(script, profile: "top")
        #expect(outcome.code != 0)
        #expect(place.read("/etc/ran") == nil)
    }

    @Test(
        "H18: a profile in the workspace is not the agent's to rewrite, and one that is rewritten only narrows"
    )
    func rewrittenProfile() throws {
        let leaf = "bailey: 1\nname: leaf\nextends: [base]\n"
        try place.write(leaf, to: "workspace/profiles/leaf.yaml")
        try place.write(
            "bailey: 1\nname: top\nextends: [base]\nchildren: {profiles: [leaf], depth: 1, count: 4}\n",
            to: "workspace/profiles/top.yaml"
        )
        let wider = "files: {write: [/srv]}"
        let rewrite = "printf '\(wider)\\n' >> profiles/leaf.yaml"
        let script = """
            \(rewrite); bailey run -p leaf -- echo before
            until test -e go; do sleep 0.02; done; bailey run -p leaf -- touch ran
            """
        let running = try RunningCommand(
            place.launcher + ["-p", "top", "--profiles", "profiles", "--", "sh", "-c", script],
            environment: place.environment,
            directory: place.workspace
        )
        #expect(running.awaitOutput("before"))
        #expect(place.read("workspace/profiles/leaf.yaml") == leaf)
        // From outside anybody may, who may otherwise.
        #expect(try place.control("\(rewrite); touch go").code == 0)
        let outcome = running.finish()
        #expect(outcome.code == 125 && outcome.errors.contains("files.write: as 'leaf'"), "\(outcome)")
        #expect(place.read("workspace/profiles/leaf.yaml") == leaf + wider + "\n")
        #expect(place.read("workspace/ran") == nil)
    }

    @Test("A profile that a repository brings along can only narrow, and its name must be allowed")
    func profileFile() throws {
        try place.write("bailey: 1\nname: leaf\nextends: [base]\n", to: "workspace/own.yaml")
        try place.write("bailey: 1\nname: unknown\nextends: [base]\n", to: "workspace/unknown.yaml")
        try place.write(
            "bailey: 1\nname: leaf\nextends: [base]\negress: [{to: \"https://example.com\", allow: [GET]}]\n",
            to: "workspace/wide.yaml"
        )
        #expect(try place.agent("bailey run -p ./own.yaml -- echo ran", profile: "top").lines == ["ran"])
        for name in ["wide", "unknown"] {
            let outcome = try place.agent("bailey run -p ./\(name).yaml -- echo ran", profile: "top")
            #expect(outcome.code == 125 && outcome.output.isEmpty, "\(outcome)")
        }
    }

    @Test("The operator's options are refused inside an agent", arguments: ["--profiles", "--config"])
    func operatorOptions(option: String) throws {
        let outcome = try place.agent("bailey run -p mid \(option) . -- echo ran", profile: "top")
        #expect(outcome.code == 125)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains(option))
    }
}
