internal import Foundation
internal import Glibc

/// A hostile program in C, compiled when it is first wanted.
package enum Attacker {
    /// Where compiled programs are kept until the test process ends.
    private static let folder = Result {
        var template = Array("/tmp/bailey-attackers-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        chmod(template, 0o755)
        atexit { Attacker.removeFolder() }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    private static let lock = NSLock()

    private static func removeFolder() {
        if let path = try? folder.get() { try? FileManager.default.removeItem(atPath: path) }
    }

    /// Compiles a source file with `cc`, once; the program's path.
    package static func compiled(_ source: String) throws -> String {
        try lock.withLock {
            let name = URL(filePath: source).deletingPathExtension().lastPathComponent
            let program = try folder.get() + "/" + name
            guard !FileManager.default.fileExists(atPath: program) else { return program }
            let outcome = try Command.run(
                ["cc", "-std=gnu11", "-O1", "-Wall", "-pthread", "-o", program, source],
                environment: ["PATH": "/usr/bin:/bin", "TMPDIR": "/tmp"],
                directory: "/"
            )
            guard outcome.code == 0 else { throw CompilationFailure(text: outcome.errors) }
            return program
        }
    }

    /// What the compiler said.
    private struct CompilationFailure: Error, CustomStringConvertible {
        let text: String
        var description: String { text }
    }
}

extension Place {
    /// Puts a hostile program into the workspace; run it as `./NAME`.
    package func arm(with source: String) throws {
        let program = try Attacker.compiled(source)
        let name = URL(filePath: program).lastPathComponent
        // By a process of its own: one that another test forks meanwhile has no descriptor that writes it (ETXTBSY).
        let outcome = try Command.run(
            ["cp", "--remove-destination", program, workspace + "/" + name],
            environment: ["PATH": "/usr/bin:/bin"],
            directory: "/"
        )
        guard outcome.code == 0 else { throw POSIXError(.EIO) }
    }
}
