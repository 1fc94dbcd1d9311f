internal import Model
package import Policy

/// Reads profiles, with everything they extend merged below them.
///
/// The profiles under `extends` are merged left to right, each with its own `extends` first, and the file itself
/// last. Lists are joined, maps and `limits` are joined key by key, and of two values for one key or scalar the later
/// wins. `name` and `description` are the file's own. A file that is reached twice counts once.
package struct ProfileLoader: Sendable {
    package let search: ProfileSearch
    package let variables: ProfileVariables
    fileprivate let memory: ProfileMemory?
    /// Whose word a text is that is loaded as such.
    package let author: ProfileAuthor

    /// Files on one way of `extends`.
    package static let maximumDepth = 8
    /// Files of one profile.
    package static let maximumFiles = 64

    /// A loader that is made again for each launch shares what it has parsed in `memory`.
    package init(
        search: ProfileSearch,
        variables: ProfileVariables,
        memory: ProfileMemory? = nil,
        author: ProfileAuthor = .user
    ) {
        self.author = author
        self.search = search
        self.variables = variables
        self.memory = memory
    }

    /// The profile of this name, from the first folder that has it.
    package func load(name: String) throws(ProfileError) -> Profile {
        try merged(name: name).profile
    }

    /// The profile in this file.
    package func load(file: String) throws(ProfileError) -> Profile {
        try merged(file: file).profile
    }

    /// The profile in this text; `named` is what messages call it, and its name where the text gives none.
    package func load(text: String, named: String) throws(ProfileError) -> Profile {
        try merged(text: text, named: named).profile
    }

    /// The same with what of it is its own; by name, nothing is: it is the operator's.
    package func loaded(name: String) throws(ProfileError) -> LoadedProfile {
        let merged = try merged(name: name)
        return LoadedProfile(profile: merged.profile, origins: [name], fragment: ProfileFragment())
    }

    /// The same with what of it is its own.
    package func loaded(text: String, named: String) throws(ProfileError) -> LoadedProfile {
        let merged = try merged(text: text, named: named)
        return LoadedProfile(profile: merged.profile, origins: merged.extends, fragment: merged.own)
    }

    func merged(name: String) throws(ProfileError) -> MergedProfile {
        guard let file = search.file(of: name) else { throw unknown(name) }
        let merged = try merged(file: file)
        guard merged.profile.name.isSame(as: name) else {
            throw ProfileError(
                file: file,
                "the profile calls itself \"\(merged.profile.name)\", but its file is found as \"\(name)\"",
                suggestion: "name: \(name)"
            )
        }
        return merged
    }

    func merged(file: String) throws(ProfileError) -> MergedProfile {
        try merged(text: Self.read(file), named: file)
    }

    func merged(text: String, named file: String) throws(ProfileError) -> MergedProfile {
        guard text.utf8.count <= author.maximumText else {
            throw ProfileError(file: file, "the file is larger than \(author.maximumText / 1024) KiB")
        }
        var assembly = Assembly(loader: self)
        let own = try assembly.parse(text, file: file, author: author)
        // What an agent calls its text says nothing of where files are.
        let step = Step(name: own.name, file: author == .agent ? "" : file)
        let fragment = try assembly.assemble(own, file: file, path: [step])
        try fragment.checkLimits(of: file)
        return MergedProfile(
            file: file,
            extends: own.extends.map(\.text),
            own: own.fragment,
            fragment: fragment,
            profile: fragment.profile(name: own.name, description: own.description)
        )
    }

    static func read(_ file: String) throws(ProfileError) -> String {
        do {
            return try TextFile.read(file)
        } catch {
            throw ProfileError(file: file, "the profile cannot be read: \(error.message)")
        }
    }

    private func unknown(_ name: String) -> ProfileError {
        ProfileError(
            file: name.isEmpty ? "profile" : name,
            "there is no profile \"\(name)\"; looked in: \(search.places)",
            suggestion: fileMeant(by: name) ?? NearestWord.nearest(to: name, in: search.names)
        )
    }

    /// The file in the workspace that a name without a slash may have meant.
    private func fileMeant(by name: String) -> String? {
        guard !name.isEmpty, let workspace = variables.workspace else { return nil }
        let file = [name, name + ".yaml"].first {
            $0.ends(with: ".yaml") && TextFile.exists("\(workspace)/\($0)")
        }
        let prefix = workspace == TextFile.currentDirectory ? "." : workspace
        return file.map { "\(prefix)/\($0)" }
    }
}

/// A profile with the place of each of its values.
struct MergedProfile: Sendable {
    let file: String
    let extends: [String]
    /// What the file itself says.
    let own: ProfileFragment
    let fragment: ProfileFragment
    let profile: Profile
}

/// One profile on a way of `extends`.
private struct Step {
    let name: String
    let file: String
}

/// The files that one profile is put together from.
private struct Assembly {
    let loader: ProfileLoader
    /// Merged fragments by file, so that a file reached on many ways is read once.
    private var done: [ByteText: ProfileFragment] = [:]

    init(loader: ProfileLoader) {
        self.loader = loader
    }

    func parse(
        _ text: String,
        file: String,
        author: ProfileAuthor = .user
    ) throws(ProfileError) -> ParsedProfile {
        let source = ProfileMemory.Source(file: file, text: text, variables: loader.variables)
        if let known = loader.memory?[source] { return known }
        let parsed = try parseAnew(text, file: file, author: author)
        // A policy of the operator's is a file of its own, which may have changed by the next launch.
        if parsed.fragment.systemCalls.map({ SystemCallPolicies.builtIn.contains($0.value.name) }) ?? true {
            loader.memory?[source] = parsed
        }
        return parsed
    }

    private func parseAnew(
        _ text: String,
        file: String,
        author: ProfileAuthor
    ) throws(ProfileError) -> ParsedProfile {
        let document = try YAMLDocument(text, file: file)
        var parser = ProfileParser(
            file: file,
            variables: loader.variables,
            search: loader.search,
            author: author
        )
        let stem =
            parser.shortFile.ends(with: ".yaml")
            ? String(parser.shortFile.dropLast(bytes: 5)) : parser.shortFile
        let parsed = parser.parse(document.root, defaultName: stem)
        if !ProfileName.isValid(parsed.name) {
            parser.errors.report("\"\(stem)\" is not a profile's name; write one with name:", at: .start)
        }
        try parser.errors.check()
        return parsed
    }

    /// `path` leads from the first profile to this one.
    mutating func assemble(
        _ parsed: ParsedProfile,
        file: String,
        path: [Step]
    ) throws(ProfileError) -> ProfileFragment {
        var result = ProfileFragment()
        var errors = Diagnostics(file: file)
        let isOfAgent = loader.author == .agent && path.count == 1
        for parent in parsed.extends {
            guard !isOfAgent else {
                if let inherited = inherited(parent, path: path) {
                    result.merge(inherited)
                } else {
                    errors.report(
                        "extends: the profile \"\(parent.text)\" is not there, or does not read; ask the operator",
                        at: parent.position
                    )
                }
                continue
            }
            guard let parentFile = checked(parent, path: path, &errors) else { continue }
            do {
                result.merge(try fragment(parent.text, file: parentFile, path: path))
            } catch {
                errors.include(error.diagnostics)
            }
        }
        try errors.check()
        result.merge(parsed.fragment)
        return result
    }

    /// What a profile of the operator's says; nil for whatever reason, which is not an agent's to hear.
    private mutating func inherited(_ parent: YAMLText, path: [Step]) -> ProfileFragment? {
        var errors = Diagnostics(file: "")
        guard let file = checked(parent, path: path, &errors) else { return nil }
        return try? fragment(parent.text, file: file, path: path)
    }

    private mutating func fragment(
        _ name: String,
        file: String,
        path: [Step]
    ) throws(ProfileError) -> ProfileFragment {
        if let known = done[ByteText(file)] { return known }
        let parsed = try parse(ProfileLoader.read(file), file: file)
        let fragment = try assemble(parsed, file: file, path: path + [Step(name: name, file: file)])
        done[ByteText(file)] = fragment
        return fragment
    }

    private func checked(_ parent: YAMLText, path: [Step], _ errors: inout Diagnostics) -> String? {
        guard let file = loader.search.file(of: parent.text) else {
            errors.report(
                "extends: there is no profile \"\(parent.text)\"; looked in: \(loader.search.places)",
                at: parent.position,
                suggestion: NearestWord.nearest(to: parent.text, in: loader.search.names)
            )
            return nil
        }
        if path.contains(where: { $0.file.isSame(as: file) }) {
            errors.report(Self.circle(path, back: parent.text, to: file), at: parent.position)
            return nil
        }
        guard path.count < ProfileLoader.maximumDepth, done.count < ProfileLoader.maximumFiles else {
            errors.report(
                "extends goes deeper than \(ProfileLoader.maximumDepth) profiles or over "
                    + "\(ProfileLoader.maximumFiles) files",
                at: parent.position
            )
            return nil
        }
        return file
    }

    /// Its members with their files, and what its author mostly means.
    private static func circle(_ path: [Step], back name: String, to file: String) -> String {
        let members = path.map { $0.file.isEmpty ? $0.name : "\($0.name) (\($0.file))" } + [name]
        let opening = "extends goes in a circle: " + members.joined(separator: " > ")
        guard path.last?.file.isSame(as: file) == true else { return opening }
        return opening
            + "; the file that is found first as \"\(name)\" is this one: to build on a shipped profile give yours another "
            + "name, as in my-\(name).yaml with extends: [\(name)]"
    }
}
