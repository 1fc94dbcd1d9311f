internal import Model
package import Policy

/// The policies that `syscalls` of a profile may name.
///
/// `default` and `strict` are `profiles/seccomp/*.json` as they were when Bailey was built, embedded in the program: no
/// file on the machine can weaken or replace them. Every other name is a file of the operator's.
package enum SystemCallPolicies {
    /// The refusals that every agent runs under.
    package static func standard() throws(ProfileError) -> SystemCallPolicy { try builtInDefault.get() }

    /// The list of permissions for tools that need little.
    package static func strict() throws(ProfileError) -> SystemCallPolicy { try builtInStrict.get() }

    /// The names that no file can have.
    static let builtIn = [SystemCallPolicy.defaultName, SystemCallPolicy.strictName]

    /// The policy in this file; messages call it `file`.
    package static func parse(
        _ text: String,
        name: String,
        file: String
    ) throws(ProfileError) -> SystemCallPolicy {
        try SystemCallParser.parse(text, name: name, file: file)
    }

    /// The policy in the file of this path, named after it.
    static func load(file: String) throws(ProfileError) -> SystemCallPolicy {
        let text: String
        do {
            text = try TextFile.read(file)
        } catch {
            throw ProfileError(file: file, "the system call policy cannot be read: \(error.message)")
        }
        let last = file.cut(at: "/").last.map(String.init) ?? file
        let name = last.ends(with: suffix) ? String(last.dropLast(bytes: suffix.utf8.count)) : last
        return try parse(text, name: name, file: file)
    }

    static let suffix = ".json"

    /// What a profile that says `default` adds to `default`: nothing.
    static func unnarrowed() throws(ProfileError) -> SystemCallPolicy {
        let standard = try standard()
        return SystemCallPolicy(name: standard.name, rest: .allowed, groups: [], digest: standard.digest)
    }

    private static let builtInDefault = embedded(PackageResources.x86_64_json, SystemCallPolicy.defaultName)
    private static let builtInStrict = embedded(
        PackageResources.strict_x86_64_json,
        SystemCallPolicy.strictName
    )

    private static func embedded(_ bytes: [UInt8], _ name: String) -> Result<SystemCallPolicy, ProfileError> {
        Result { () throws(ProfileError) -> SystemCallPolicy in
            try parse(String(decoding: bytes, as: UTF8.self), name: name, file: "built-in \(name)")
        }
    }
}

extension ProfileSearch {
    /// The folder of policy files beneath each folder of profiles.
    static let systemCallsFolder = "seccomp"

    /// The policy of this name: built in, or from the first folder that has it; nil when none has.
    func systemCalls(_ name: String) throws(ProfileError) -> SystemCallPolicy? {
        switch name {
        case SystemCallPolicy.defaultName: return try SystemCallPolicies.unnarrowed()
        case SystemCallPolicy.strictName: return try SystemCallPolicies.strict()
        default:
            guard let file = systemCallsFile(of: name) else { return nil }
            return try SystemCallPolicies.load(file: file)
        }
    }

    /// The first folder with an entry of that name decides, readable or not, as for profiles.
    private func systemCallsFile(of name: String) -> String? {
        guard ProfileName.isValid(name) else { return nil }
        return folders.map { "\($0)/\(Self.systemCallsFolder)/\(name)\(SystemCallPolicies.suffix)" }.first {
            TextFile.mayExist($0)
        }
    }

    /// The names that `syscalls` may take, sorted after the built-in ones.
    var systemCallNames: [String] {
        let suffix = SystemCallPolicies.suffix
        let files = folders.flatMap { TextFile.list("\($0)/\(Self.systemCallsFolder)") }
        let names = files.filter { $0.ends(with: suffix) }.map {
            String($0.dropLast(bytes: suffix.utf8.count))
        }
        return SystemCallPolicies.builtIn
            + Set(names).subtracting(SystemCallPolicies.builtIn).filter { ProfileName.isValid($0) }.sorted()
    }
}
