import Credentials
import Foundation
import Testing

struct SecretCommandTests {
    private func command(_ script: String, environment: [String: String] = [:]) throws -> CredentialStore {
        let quoted = script.replacing("'", with: "''")
        return try store("command: [/bin/sh, -c, '\(quoted)']", environment: environment)
    }

    @Test func `a command's output is the secret`() throws {
        #expect(failure(try command("echo s3cr3t")) == "gave s3cr3t")
        #expect(failure(try store("command: [/bin/echo, '$HOME; echo x']")) == "gave $HOME; echo x")
    }

    @Test func `it inherits nothing but a path, a language and a home`() throws {
        let store = try command(
            "env | cut -d= -f1 | grep -v -e PWD -e SHLVL -e _ | sort | tr '\\n' ' ' | sed 's/ $//'",
            environment: ["HOME": "/h", "TOKEN": "x"]
        )
        #expect(failure(store) == "gave HOME LANG PATH")
    }

    @Test func `it reads nothing, and its descriptors are the standard three`() throws {
        #expect(failure(try command("cat; echo end")) == "gave end")
        #expect(failure(try command("ls /proc/self/fd | wc -l")) == "gave 4", "and the one of ls itself")
    }

    @Test func `what it says when it fails is not shown`() throws {
        let message = failure(try command("echo s3cr3t; echo s3cr3t >&2; exit 3"))
        #expect(message.contains("ended with 3"))
        #expect(!message.contains("gave"))
    }

    @Test(arguments: [
        ("kill -9 $$", "ended with 137"), ("true", "empty"), ("printf 'a\\nb'", "control character"),
        ("head -c 100000 /dev/zero", "printed more than"), ("yes", "printed more than"),
    ])
    func `a command that does not give one value is refused`(script: String, says: String) throws {
        let message = failure(try command(script))
        #expect(message.contains(says), "\(message)")
    }

    @Test func `a program that is not there is named`() throws {
        let message = failure(try store("command: [/nonexistent/program]"))
        #expect(message.contains("/nonexistent/program"))
        #expect(message.contains("No such file"))
    }

    @Test func `a failure is remembered for a moment, so that a burst of requests runs it once`() throws {
        let directory = try DirectoryFixture()
        let store = try command("echo x >> \(directory.path)/runs; exit 1")
        for _ in 0..<5 { #expect(failure(store).contains("ended with 1")) }
        #expect(try String(contentsOfFile: directory.path + "/runs", encoding: .utf8) == "x\n")
    }

    @Test func `a program that never ends is ended with its whole group`() throws {
        let directory = try DirectoryFixture()
        let store = try command("sleep 1000 & echo $! > \(directory.path)/pid; wait")
        #expect(failure(store).contains("longer than"))
        let pid = try String(contentsOfFile: directory.path + "/pid", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let number = try #require(Int32(pid))
        var polls = 0
        while isAlive(number), polls < 500 {
            polls += 1
            _ = poll(nil, 0, 10)
        }
        #expect(!isAlive(number))
    }

    /// Neither gone nor a zombie that its new parent has not reaped yet.
    private func isAlive(_ pid: Int32) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else {
            return false
        }
        return !status.contains(") Z ")
    }
}
