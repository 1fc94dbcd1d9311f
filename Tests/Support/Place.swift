package import Foundation

/// Who starts Bailey.
package enum Starter: String, Sendable, CaseIterable, CustomStringConvertible {
    /// The test process's own user; root in CI.
    case this
    /// A plain user without a name, rights or groups.
    case plainUser

    /// Anybody but root.
    package static var ordinary: Starter { getuid() == 0 ? .plainUser : .this }

    /// An id that no account has.
    package static let plainUserID: uid_t = 65533

    package var description: String { rawValue }

    /// Those this test process can be: only root can become another user.
    package static var possible: [Starter] { getuid() == 0 ? [.this, .plainUser] : [.this] }

    /// What makes a command line this user's.
    package var prefix: [String] {
        guard self == .plainUser else { return [] }
        return [
            "setpriv", "--reuid", "\(Self.plainUserID)", "--regid", "\(Self.plainUserID)", "--clear-groups",
        ]
    }
}

/// A temporary home for one test: workspace, XDG folders, profiles; removed at its end.
package final class Place {
    package let root: String
    package let starter: Starter
    /// Whether launches are a running supervisor's, which says for them what this kernel lacks.
    package var isServed = false
    /// The binary under test, where this place's starter can run it.
    package var binary: String { Binary.path(for: starter) }
    package var home: String { root + "/home" }
    package var workspace: String { root + "/workspace" }
    package var profiles: String { root + "/profiles" }
    package var configuration: String { root + "/config/bailey" }

    package init(for starter: Starter = .this) throws {
        self.starter = starter
        var template = Array("/tmp/bailey-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for folder in [home, workspace, profiles, configuration, root + "/state", root + "/run"] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        chmod(root, 0o755)
        if starter == .plainUser { giveAway(root) }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: root)
    }

    private func giveAway(_ path: String) {
        lchown(path, Starter.plainUserID, Starter.plainUserID)
        // What a test's agent linked to is not the test's to give away.
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return }
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
            giveAway("\(path)/\(name)")
        }
    }

    /// What Bailey is started with: nothing of the test's own environment but the essentials.
    package var environment: [String: String] {
        [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home,
            "LANG": "C.UTF-8",
            "XDG_STATE_HOME": root + "/state", "XDG_CONFIG_HOME": root + "/config",
            "XDG_RUNTIME_DIR": root + "/run",
        ]
    }

    package func write(_ text: String, to path: String, mode: mode_t = 0o644) throws {
        let full = path.hasPrefix("/") ? path : root + "/" + path
        let folder = URL(filePath: full).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: full))
        chmod(full, mode)
        if starter == .plainUser { giveAway(root) }
    }

    /// The text of a file of the place; nil when it is not there.
    package func read(_ path: String) -> String? {
        let full = path.hasPrefix("/") ? path : root + "/" + path
        return try? String(contentsOfFile: full, encoding: .utf8)
    }

    /// Adds a profile.
    package func profile(_ name: String, _ text: String) throws {
        try write("bailey: 1\nname: \(name)\n\(text)", to: "profiles/\(name).yaml")
    }

    /// `bailey WORDS…` in the workspace, or in another directory.
    package func bailey(
        _ words: [String],
        environment extra: [String: String] = [:],
        directory: String? = nil,
        input: Data = Data(),
        bound: Double = Command.bound
    ) throws -> Outcome {
        try Command.run(
            starter.prefix + (words.first == "run" ? launcher + words.dropFirst() : [binary] + words),
            environment: environment.merging(extra) { $1 },
            directory: directory ?? workspace,
            input: input,
            bound: bound
        )
    }

    /// `bailey run -p PROFILE -- sh -c SCRIPT`.
    package func agent(
        _ script: String,
        profile: String = "base",
        environment extra: [String: String] = [:],
        input: Data = Data()
    ) throws -> Outcome {
        try bailey(["run"] + options(script, profile: profile), environment: extra, input: input)
    }

    /// The same, still running.
    package func running(
        _ script: String,
        profile: String = "base",
        environment extra: [String: String] = [:]
    ) throws -> RunningCommand {
        try RunningCommand(
            starter.prefix + launcher + options(script, profile: profile),
            environment: environment.merging(extra) { $1 },
            directory: workspace
        )
    }

    private func options(_ script: String, profile: String) -> [String] {
        ["-p", profile, "--profiles", profiles, "--", "sh", "-c", script]
    }

    /// The same script without Bailey: the positive control.
    package func control(_ script: String, environment extra: [String: String] = [:]) throws -> Outcome {
        try Command.run(
            starter.prefix + ["sh", "-c", script],
            environment: environment.merging(extra) { $1 },
            directory: workspace
        )
    }
}

/// The sources that the tests were built from.
package enum Checkout {
    package static let path = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
        .path(percentEncoded: false)
}

/// The built binary that the tests run.
package enum Binary {
    /// `$BAILEY`, or the release build of this checkout.
    package static let path: String = {
        if let path = ProcessInfo.processInfo.environment["BAILEY"], !path.isEmpty { return path }
        return Checkout.path + "/.build/release/bailey"
    }()

    /// Where a starter finds it: the build may lie in a folder that only its owner may enter.
    package static func path(for starter: Starter) -> String {
        starter == .plainUser ? shared : path
    }

    /// A copy that every user can run, in one temporary folder that each run of the tests makes anew.
    private static let shared: String = {
        let folder = NSTemporaryDirectory() + "bailey-tests-binary"
        let source = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
        let script = """
            set -e; rm -rf "$1"; mkdir -p "$1"; cp "$0/bailey" "$0/bailey-core" "$0/bailey-init" "$0/bailey-postgres" "$1"; cp -rL "$0/profiles" "$1/profiles"
            chmod -R a+rX "$1"
            """
        let outcome = try? Command.run(
            ["sh", "-c", script, source, folder],
            environment: ["PATH": "/usr/bin:/bin"],
            directory: "/"
        )
        return outcome?.code == 0 ? folder + "/bailey" : path
    }()
}
