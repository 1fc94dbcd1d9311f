import Credentials
import Foundation
import Glibc
import Model
import Profiles
import Synchronization
import Testing

private let secretText = "ghp_R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m"

/// A directory of its own, removed at the end.
final class DirectoryFixture: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/bailey-credentials-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to name: String, mode: Int = 0o600) throws -> String {
        let file = path + "/" + name
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }
}

func store(
    _ source: String,
    _ position: String = "header x-secret",
    placeholder: String? = nil,
    lifetime: String = "1h",
    environment: [String: String] = [:],
    onFetch: @escaping @Sendable (String) -> Void = { _ in }
) throws -> CredentialStore {
    let variable = placeholder.map { ", placeholder: \($0)" } ?? ""
    let text = """
        bailey: 1
        credentials:
          it: {from: {\(source)}, as: \(position), for: [https://h.example]\(variable), lifetime: \(lifetime)}
        """
    let definitions = try CredentialFile.parse(text, file: "c.yaml", home: nil)
    return CredentialStore(definitions, environment: environment, onFetch: onFetch)
}

func failure(_ store: CredentialStore) -> String {
    do {
        return "gave \(try store.value(of: "it"))"
    } catch {
        return error.message
    }
}

struct CredentialStoreTests {
    @Test(arguments: [
        ("bearer", "s3cr3t", "Bearer s3cr3t"), ("basic", "alice:s3cr3t", "Basic YWxpY2U6czNjcjN0"),
        ("header X-Key", "s3 cr3t", "s3 cr3t"), ("query key", "s3&cr3t=%", "s3&cr3t=%"),
        ("cookie sid", "s3cr3t=/+", "s3cr3t=/+"),
    ])
    func `a secret is given as the value of its place`(position: String, secret: String, value: String) throws
    {
        let places: [String: CredentialPlace] = [
            "header X-Key": .field("x-key"), "query key": .query("key"), "cookie sid": .cookie("sid"),
        ]
        let store = try store("env: T", position, environment: ["T": secret])
        #expect(try store.value(of: "it") == value)
        #expect(store.binding(of: "it")?.place == places[position] ?? .field("authorization"))
        #expect(store.withheldVariables == ["T"])
    }

    @Test func `a credential that is not defined is known to be none`() throws {
        let store = try store("env: T")
        #expect(store.has("it"))
        #expect(!store.has("other"))
        #expect(store.binding(of: "other") == nil)
        #expect(store.names == ["it"])
        #expect(throws: CredentialFailure.self) { try store.value(of: "other") }
    }

    @Test func `a binding covers its hosts over https and nothing else`() throws {
        let binding = try #require(try store("env: T").binding(of: "it"))
        let name = try #require(DNSName("h.example"))
        let other = try #require(DNSName("x.h.example"))
        #expect(binding.covers(Endpoint(scheme: .https, host: .name(name), port: 443)))
        #expect(!binding.covers(Endpoint(scheme: .http, host: .name(name), port: 443)))
        #expect(!binding.covers(Endpoint(scheme: .https, host: .name(name), port: 8443)))
        #expect(!binding.covers(Endpoint(scheme: .https, host: .name(other), port: 443)))
    }

    @Test(arguments: [
        ("bearer", "a\r\nX: y", "control character"), ("bearer", "a\nb", "control character"),
        ("header x", "a\u{0}b", "control character"), ("header x", "a\u{7f}", "control character"),
        ("bearer", "", "empty"), ("bearer", " zqwv", "space"), ("bearer", "zq wv", "no spaces"),
        ("bearer", "ä", "ASCII"), ("basic", "nobody", "USER:PASSWORD"), ("query k", "zq wv", "no spaces"),
        ("query k", "ä", "ASCII"), ("cookie c", "a;b=c", "semicolon"), ("cookie c", "zq wv", "no space"),
        ("cookie c", "\"q\"", "quote"), ("client-cert", "zqwv", "both in PEM"),
        ("client-cert", "-----BEGIN CERTIFICATE-----\nzqwv", "both in PEM"), ("client-cert", "", "empty"),
    ])
    func `a secret that is more than a value is refused, and not shown`(
        position: String,
        secret: String,
        says: String
    ) throws {
        let message = failure(try store("env: T", position, environment: ["T": secret]))
        #expect(message.contains(says), "\(message)")
        #expect(secret.isEmpty || !message.contains(secret))
    }

    @Test func `a secret over its limit is refused`() throws {
        let secret = String(repeating: "x", count: CredentialLimits.maximumSecret + 1)
        #expect(failure(try store("env: T", environment: ["T": secret])).contains("longer than"))
        #expect(
            try store("env: T", environment: ["T": String(secret.dropLast())]).value(of: "it").count
                == 8_192
        )
    }

    @Test func `a certificate with its chain and key may have lines, and more of them than a token`() throws {
        let block = String(repeating: String(repeating: "A", count: 64) + "\n", count: 200)
        let pem =
            "-----BEGIN CERTIFICATE-----\n\(block)-----END CERTIFICATE-----\n"
            + "-----BEGIN PRIVATE KEY-----\n\(block)-----END PRIVATE KEY-----"
        let directory = try DirectoryFixture()
        let file = try directory.write(pem + "\n", to: "client.pem")
        let certificates = try store("file: \(file)", "client-cert")
        #expect(try certificates.value(of: "it") == pem)
        #expect(certificates.binding(of: "it")?.place == .clientCertificate)
        let long = String(repeating: pem + "\n", count: 3)
        _ = try directory.write(long, to: "client.pem")
        let other = try store("file: \(file)", "client-cert")
        #expect(failure(other).contains("longer than \(CredentialLimits.maximumDocument)"))
    }

    @Test func `a variable that was not set is named`() throws {
        #expect(failure(try store("env: MISSING")).contains("MISSING was not set"))
    }

    @Test func `a file gives its content without one line end`() throws {
        let directory = try DirectoryFixture()
        #expect(failure(try store("file: \(try directory.write("s3cr3t\n", to: "a"))")) == "gave s3cr3t")
        #expect(failure(try store("file: \(try directory.write("s3cr3t", to: "b"))")) == "gave s3cr3t")
        let two = try directory.write("s3cr3t\n\n", to: "c")
        #expect(failure(try store("file: \(two)")).contains("control character"))
    }

    @Test(arguments: [0o640, 0o604, 0o620, 0o666])
    func `a file that others may touch is refused, with the remedy`(mode: Int) throws {
        let directory = try DirectoryFixture()
        let file = try directory.write("s3cr3t", to: "a", mode: mode)
        let message = failure(try store("file: \(file)"))
        #expect(message.contains("chmod 600 '\(file)'"))
        #expect(!message.contains("s3cr3t"))
    }

    @Test func `a file that is missing, a directory, a FIFO or too long is refused at once`() throws {
        let directory = try DirectoryFixture()
        #expect(failure(try store("file: \(directory.path)/none")).contains("No such file"))
        #expect(failure(try store("file: \(directory.path)")).contains("not a plain file"))
        let fifo = directory.path + "/fifo"
        #expect(unsafe mkfifo(fifo, 0o600) == 0)
        #expect(failure(try store("file: \(fifo)")).contains("not a plain file"))
        let long = try directory.write(String(repeating: "x", count: 1_000_000), to: "long")
        #expect(failure(try store("file: \(long)")).contains("longer than"))
    }

    @Test func `a secret is kept for its lifetime and fetched again behind it`() throws {
        let directory = try DirectoryFixture()
        let file = try directory.write("first", to: "a")
        let fetched = Mutex<[String]>([])
        let store = try store("file: \(file)", lifetime: "1s") { secret in
            fetched.withLock { $0.append(secret) }
        }
        #expect(try store.value(of: "it") == "first")
        #expect(try store.value(of: "it") == "first")
        #expect(fetched.withLock { $0 } == ["first"], "each fetch is told once, for masking")
        _ = try directory.write("second", to: "a")
        var polls = 0
        while try store.value(of: "it") == "first", polls < 500 {
            polls += 1
            _ = poll(nil, 0, 10)
        }
        #expect(try store.value(of: "it") == "second")
    }

    @Test func `what is at hand is what was fetched last, never what has to be waited for`() throws {
        let directory = try DirectoryFixture()
        let file = try directory.write("first", to: "a")
        let store = try store("file: \(file)", lifetime: "1s")
        #expect(store.keptValue(of: "it") == nil)
        #expect(try store.value(of: "it") == "first")
        #expect(store.keptValue(of: "it") == "first")
        #expect(store.keptValue(of: "other") == nil)
        var polls = 0
        while store.keptValue(of: "it") != nil, polls < 500 {
            polls += 1
            _ = poll(nil, 0, 10)
        }
        #expect(store.keptValue(of: "it") == nil, "its lifetime is over")
        #expect(try store.value(of: "it") == "first")
    }

    @Test func `while a source is being asked nothing is at hand, and whoever looks does not wait`() throws {
        let directory = try DirectoryFixture()
        let gate = directory.path + "/gate"
        #expect(unsafe mkfifo(gate, 0o600) == 0)
        let store = try store("command: [/bin/cat, \(gate)]")
        let thread = Thread { _ = try? store.value(of: "it") }
        thread.start()
        // Opens once the command reads.
        let writer = unsafe open(gate, O_WRONLY | O_CLOEXEC)
        #expect(store.keptValue(of: "it") == nil)
        #expect(unsafe write(writer, "s3cr3t", 6) == 6)
        close(writer)
        var polls = 0
        while store.keptValue(of: "it") == nil, polls < 1_000 {
            polls += 1
            _ = poll(nil, 0, 10)
        }
        #expect(store.keptValue(of: "it") == "s3cr3t")
    }

    @Test func `what was fetched last is known while it is fetched again, cannot be, and is forgotten`()
        throws
    {
        let directory = try DirectoryFixture()
        let gate = directory.path + "/gate"
        #expect(unsafe mkfifo(gate, 0o600) == 0)
        let store = try store("command: [/bin/cat, \(gate)]")
        /// Fetches aside; the end that the command reads from, once it does.
        func fetch() -> Int32 {
            let thread = Thread { _ = try? store.value(of: "it") }
            thread.start()
            return unsafe open(gate, O_WRONLY | O_CLOEXEC)
        }
        func known() -> [String] { store.secrets(of: ["it"], for: []) }
        func awaits(_ isDone: () -> Bool) {
            var polls = 0
            while !isDone(), polls < 1_000 {
                polls += 1
                _ = poll(nil, 0, 10)
            }
        }
        #expect(known().isEmpty)
        var writer = fetch()
        #expect(unsafe write(writer, "s3cr3t", 6) == 6)
        close(writer)
        awaits { store.keptValue(of: "it") != nil }
        #expect(known() == ["s3cr3t"])
        store.forget(["it"], unlessOf: [], mintedFor: [])
        #expect(store.keptValue(of: "it") == nil && known() == ["s3cr3t"])
        writer = fetch()
        #expect(known() == ["s3cr3t"], "its source is being asked")
        // Nothing is no secret.
        close(writer)
        #expect(throws: CredentialFailure.self) { try store.value(of: "it") }
        #expect(known() == ["s3cr3t"])
    }

    @Test func `a missing credentials file is a valid one, one that others may write is not`() throws {
        let directory = try DirectoryFixture()
        #expect(try CredentialStore.load(file: directory.path + "/none", environment: [:]).names == [])
        let text = "bailey: 1\ncredentials: {it: {from: {env: T}, as: bearer, for: [https://h.example]}}\n"
        let readable = try directory.write(text, to: "readable", mode: 0o644)
        #expect(try CredentialStore.load(file: readable, environment: [:]).names == ["it"])
        let writable = try directory.write(text, to: "writable", mode: 0o664)
        let error = #expect(throws: ProfileError.self) {
            try CredentialStore.load(file: writable, environment: [:])
        }
        #expect(error?.description.contains("chmod go-w") == true)
    }
}

/// What is kept of a credential is dropped with the last agent that may use it.
struct ForgottenCredentialTests {
    private func stores(_ folder: DirectoryFixture) throws -> CredentialStore {
        let text = """
            bailey: 1
            credentials:
              one: {from: {file: \(folder.path)/one}, as: header x-one, for: [https://h.example], lifetime: 1h}
              two: {from: {file: \(folder.path)/two}, as: header x-two, for: [https://h.example], lifetime: 1h}
            """
        return CredentialStore(try CredentialFile.parse(text, file: "c.yaml", home: nil), environment: [:])
    }

    @Test func `G17 what was kept of a revoked agent's credential is asked for anew, unless of another's`()
        throws
    {
        let folder = try DirectoryFixture()
        for name in ["one", "two"] { _ = try folder.write("first", to: name) }
        let store = try stores(folder)
        for name in ["one", "two"] {
            #expect(try store.value(of: name) == "first")
            _ = try folder.write("second", to: name)
            #expect(store.keptValue(of: name) == "first")
        }
        store.forget(["one", "two"], unlessOf: ["two"], mintedFor: [])
        #expect(store.keptValue(of: "one") == nil)
        #expect(try store.value(of: "one") == "second")
        #expect(try store.value(of: "two") == "first")
    }
}
