import Foundation
import Testing

/// The probes as a program of their own, in places where features are missing.
///
/// Capability: a user namespace in which the limit of further ones can be set (`unshare -Ur`).
@Suite(.enabled(if: (try? ProbeProgram.isolated("true")) != nil))
struct ProbeProgramTests {
    @Test func `R02: where no user namespace is given, every probe that needs one says so`() throws {
        let program = try ProbeProgram()
        let free = try program.run("")
        let limited = try program.run("echo 0 > /proc/sys/user/max_user_namespaces;")
        for (name, code) in limited where program.needsNamespace.contains(name) {
            #expect(code == -ENOSPC, "probe \(name)")
            #expect(free[name] != -ENOSPC, "the control: probe \(name)")
        }
        #expect(limited.count == free.count && !limited.isEmpty)
    }

    @Test func `R07: an ignored SIGCHLD changes no answer`() throws {
        let program = try ProbeProgram()
        let free = try program.run("")
        #expect(try program.run("env --ignore-signal=CHLD") == free)
        #expect(free[8] == 0)
    }

    @Test func `R09: a missing /dev/null is named`() throws {
        let program = try ProbeProgram()
        let bare = try program.run("mount -t tmpfs none /dev;")
        #expect(bare[5] == -ENOENT)
        #expect(try program.run("")[5] == 0)
    }
}

/// `probe.c` with a main function that prints `number result` for each.
private struct ProbeProgram: ~Copyable {
    /// CSB_PROBE_USER to CSB_PROBE_REFUSALS.
    let needsNamespace = 8...17
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "probe-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let main = """
            #include "csb_probe.h"
            #include <stdio.h>
            int main(void) { for (int at = 0; at < CSB_PROBES; at++) printf("%d %d\\n", at, csb_probe(at)); }
            """
        try Data(main.utf8).write(to: folder.appending(path: "main.c"))
        let sources = URL(filePath: #filePath).appending(path: "../../../../Sources/CSandbox").standardized
            .path
        _ = try Self.shell(
            "cd '\(sources)' && cc -w -O1 -Iinclude -o '\(folder.path)/probe' '\(folder.path)/main.c' "
                + "probe.c nft.c refusals.c overlay.c"
        )
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Results by number, in namespaces in which `preparation` was run first.
    func run(_ preparation: String) throws -> [Int: Int32] {
        var results: [Int: Int32] = [:]
        for line in try Self.isolated("\(preparation) '\(folder.path)/probe'").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, let number = Int(words[0]) { results[number] = Int32(words[1]) }
        }
        return results
    }

    static func isolated(_ script: String) throws -> String {
        try shell("exec unshare -Urm sh -c \"$0\"", script)
    }

    private static func shell(_ script: String, _ arguments: String...) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-ec", script] + arguments
        process.standardOutput = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.executableLoad) }
        return String(decoding: data, as: UTF8.self)
    }
}
