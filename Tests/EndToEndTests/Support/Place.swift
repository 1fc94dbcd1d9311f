import Foundation

/// A temporary home for one test: workspace, XDG folders, profiles; removed at its end.
final class Place {
    let root: String
    var home: String { root + "/home" }
    var workspace: String { root + "/workspace" }
    var profiles: String { root + "/profiles" }
    var configuration: String { root + "/config/bailey" }

    init() throws {
        root = try FileManager.default.url(
            for: .itemReplacementDirectory,
            in: .userDomainMask,
            appropriateFor: URL(filePath: NSTemporaryDirectory()),
            create: true
        ).path(percentEncoded: false).trimmingSuffix("/")
        for folder in [home, workspace, profiles, configuration, root + "/state", root + "/run"] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        chmod(root, 0o755)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: root)
    }

    /// What Bailey is started with: nothing of the test's own environment but the essentials.
    var environment: [String: String] {
        [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home,
            "LANG": "C.UTF-8",
            "XDG_STATE_HOME": root + "/state", "XDG_CONFIG_HOME": root + "/config",
            "XDG_RUNTIME_DIR": root + "/run",
        ]
    }

    func write(_ text: String, to path: String, mode: mode_t = 0o644) throws {
        let full = path.hasPrefix("/") ? path : root + "/" + path
        try Data(text.utf8).write(to: URL(filePath: full))
        chmod(full, mode)
    }

    /// Adds a profile.
    func profile(_ name: String, _ text: String) throws {
        try write("bailey: 1\nname: \(name)\n\(text)", to: "profiles/\(name).yaml")
    }

    /// `bailey WORDS…` in the workspace.
    func bailey(
        _ words: [String],
        environment extra: [String: String] = [:],
        input: Data = Data(),
        bound: Double = Command.bound
    ) throws -> Outcome {
        try Command.run(
            [Binary.path] + words,
            environment: environment.merging(extra) { $1 },
            directory: workspace,
            input: input,
            bound: bound
        )
    }

    /// `bailey run -p PROFILE -- sh -c SCRIPT`.
    func agent(
        _ script: String,
        profile: String = "base",
        environment extra: [String: String] = [:],
        input: Data = Data()
    ) throws -> Outcome {
        try bailey(
            ["run", "-p", profile, "--profiles", profiles, "--", "sh", "-c", script],
            environment: extra,
            input: input
        )
    }

    /// The same script without Bailey: the positive control.
    func control(_ script: String, environment extra: [String: String] = [:]) throws -> Outcome {
        try Command.run(
            ["sh", "-c", script],
            environment: environment.merging(extra) { $1 },
            directory: workspace
        )
    }
}

/// The built binary that the tests run.
enum Binary {
    /// `$BAILEY`, or the release build of this checkout.
    static let path: String = {
        if let path = ProcessInfo.processInfo.environment["BAILEY"], !path.isEmpty { return path }
        let checkout = URL(filePath: #filePath).appending(path: "../../../..").standardizedFileURL
        return checkout.appending(path: ".build/release/bailey").path(percentEncoded: false)
    }()
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}
