import Credentials
import Foundation
import Model
import Testing

/// A secret, the agent's variable, and the shape that its look-alike must have.
private let shapes: [(secret: String, variable: String, prefix: String, length: Int)] = [
    ("ghp_R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m", "ANY", "ghp_", 40),
    ("gho_R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m", "ANY", "gho_", 40),
    ("github_pat_11A_x", "ANY", "github_pat_", 93),
    ("sk-ant-api03-x", "ANY", "sk-ant-api03-", 108),
    ("sk-x", "ANY", "sk-", 51),
    ("AKIAIOSFODNN7EXAMPLE", "ANY", "AKIA", 20),
    ("xoxb-1", "ANY", "xoxb-", 53),
    ("npm_x", "ANY", "npm_", 40),
    ("", "GITHUB_TOKEN", "ghp_", 40),
    ("", "OPENAI_API_KEY", "sk-", 51),
    ("", "ANTHROPIC_API_KEY", "sk-ant-api03-", 108),
    ("", "AWS_ACCESS_KEY_ID", "AKIA", 20),
    ("", "GITLAB_TOKEN", "glpat-", 26),
    ("", "OTHER", "", 40),
    ("anything", "OTHER", "", 40),
]

struct PlaceholderTests {
    @Test(arguments: shapes)
    func `F18 a look-alike has its secret's shape and is not the secret`(
        secret: String,
        variable: String,
        prefix: String,
        length: Int
    ) throws {
        let environment = secret.isEmpty ? [:] : ["T": secret]
        let store = try store("env: T", placeholder: variable, environment: environment)
        let placeholder = try #require(store.placeholders.first)
        #expect(placeholder.credential == "it")
        #expect(placeholder.variable == variable)
        #expect(placeholder.value.hasPrefix(prefix))
        #expect(placeholder.value.utf8.count == length)
        #expect(placeholder.value != secret)
    }

    @Test func `look-alikes are fresh for every supervisor`() throws {
        let values = try (0..<100).map { _ in
            try #require(try store("env: T", placeholder: "GITHUB_TOKEN").placeholders.first).value
        }
        #expect(Set(values).count == 100)
    }

    @Test func `a look-alike for a command is made without running it`() throws {
        let directory = try DirectoryFixture()
        let store = try store(
            "command: [/usr/bin/touch, \(directory.path)/ran]",
            placeholder: "GITHUB_TOKEN"
        )
        #expect(store.placeholders.first?.value.hasPrefix("ghp_") == true)
        #expect(!FileManager.default.fileExists(atPath: directory.path + "/ran"))
    }

    @Test func `a source that gives back the look-alike is refused`() throws {
        let directory = try DirectoryFixture()
        let file = directory.path + "/a"
        let store = try store("file: \(file)", placeholder: "GITHUB_TOKEN")
        let value = try #require(store.placeholders.first).value
        _ = try directory.write(value, to: "a")
        #expect(failure(store).contains("look-alike"))
    }

    @Test func `a credential without a placeholder has none`() throws {
        #expect(try store("env: T").placeholders.isEmpty)
    }
}
