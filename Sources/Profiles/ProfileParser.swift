internal import Model
internal import Policy

/// One profile file as written, before what it extends is merged below it.
struct ParsedProfile: Sendable {
    var name: String
    var description = ""
    var extends: [YAMLText] = []
    var fragment = ProfileFragment()
}

/// Reads one profile file; every error goes to `errors`, and the result counts only when there is none.
struct ProfileParser {
    static let version = 1
    static let keys = [
        "bailey", "name", "description", "extends", "files", "env", "limits", "syscalls", "landlock",
        "egress",
        "children",
        "record", "principals",
    ]

    /// The kernel's is 7 in 2025, and has grown by about one a year (landlock(7)).
    static let landlockABIs = 1...64

    let variables: ProfileVariables
    /// Where files of system call policies are looked up.
    let search: ProfileSearch
    /// What rules are said to come from: the file's name without its folders, which are no agent's business.
    let shortFile: String
    let author: ProfileAuthor
    var errors: Diagnostics
    private var tally = ProfileTally()

    init(file: String, variables: ProfileVariables, search: ProfileSearch, author: ProfileAuthor) {
        self.author = author
        self.variables = variables
        self.search = search
        shortFile = file.cut(at: "/").last.map(String.init) ?? file
        errors = Diagnostics(file: file)
    }

    mutating func parse(_ root: YAMLNode, defaultName: String) -> ParsedProfile {
        var parsed = ParsedProfile(name: defaultName)
        guard root.content != .null else {
            errors.report("the file is empty; a profile begins with \"bailey: 1\"", at: root.position)
            return parsed
        }
        guard let top = root.mapping("the profile", keys: Self.keys, &errors) else {
            return parsed
        }
        checkVersion(top)
        if let node = top["name"], let name = node.text("name", &errors), isName(name, "name", node) {
            parsed.name = name
        }
        parsed.description = top["description"]?.text("description", &errors) ?? ""
        parsed.extends = (top["extends"]?.texts("extends", &errors) ?? []).filter {
            has(roomFor: 1, of: .extended, at: $0.position) && isName($0.text, "extends", $0.node)
        }
        if let files = top["files"] { read(files: files, into: &parsed.fragment) }
        if let environment = top["env"] { read(environment: environment, into: &parsed.fragment) }
        if let limits = top["limits"] { read(limits: limits, into: &parsed.fragment) }
        if let children = top["children"] { read(children: children, into: &parsed.fragment) }
        if let egress = top["egress"] { read(egress: egress, into: &parsed.fragment) }
        if let record = top["record"] { read(record: record, into: &parsed.fragment) }
        if let node = top["landlock"], let abi = node.integer("landlock", Self.landlockABIs, &errors) {
            parsed.fragment.landlock = Sourced(value: abi, source: source(node.position))
        }
        if let node = top["principals"] { read(principals: node, into: &parsed.fragment) }
        if let node = top["syscalls"] { parsed.fragment.systemCalls = systemCalls(node) }
        return parsed
    }

    private mutating func checkVersion(_ top: YAMLMapping) {
        guard let node = top["bailey"] else {
            errors.report(
                "\"bailey: \(Self.version)\" is missing: the version of the format",
                at: top.position
            )
            return
        }
        _ = node.integer("bailey, the version of the format,", Self.version...Self.version, &errors)
    }

    private mutating func systemCalls(_ node: YAMLNode) -> Sourced<SystemCallPolicy>? {
        guard let name = node.text("syscalls", &errors) else { return nil }
        guard author == .user else { return systemCallsOfAgent(name, node) }
        do throws(ProfileError) {
            if let policy = try search.systemCalls(name) {
                return Sourced(value: policy, source: source(node.position))
            }
            errors.report(
                "syscalls: there is no policy \"\(name)\": it is default, strict, or NAME for seccomp/NAME.json"
                    + " in: \(search.places)",
                at: node.position,
                suggestion: NearestWord.nearest(to: name, in: search.systemCallNames)
            )
        } catch {
            errors.include(error.diagnostics)
        }
        return nil
    }

    /// The same without a word about the operator's files.
    private mutating func systemCallsOfAgent(_ name: String, _ node: YAMLNode) -> Sourced<SystemCallPolicy>? {
        if let policy = try? search.systemCalls(name) {
            return Sourced(value: policy, source: source(node.position))
        }
        errors.report(
            "syscalls: the policy \"\(name)\" is not there, or does not read; ask the operator",
            at: node.position
        )
        return nil
    }

    /// Whether there is room for one more; the first that has none is an error where it stands.
    mutating func has(roomFor amount: Int = 1, of limit: ProfileLimit, at position: TextPosition) -> Bool {
        guard let complaint = tally.add(amount, to: limit) else { return !errors.isFull }
        if !complaint.isEmpty { errors.report(complaint, at: position) }
        return false
    }

    /// Names are parts of file names and of messages: a letter or digit, then letters, digits, `.`, `_`, `-`.
    mutating func isName(_ name: String, _ what: String, _ node: YAMLNode) -> Bool {
        guard ProfileName.isValid(name) else {
            errors.report(
                "\(what): \"\(name)\" is not a name: lower-case letters, digits, \".\", \"_\", \"-\", at most "
                    + "\(ProfileName.maximumLength), a letter or digit first",
                at: node.position
            )
            return false
        }
        return true
    }

    func source(_ position: TextPosition) -> String { "\(shortFile):\(position.line)" }

    private mutating func read(files node: YAMLNode, into fragment: inout ProfileFragment) {
        let keys = ["read", "write", "copy", "hide", "protect"]
        guard let files = node.mapping("files", keys: keys, &errors) else { return }
        fragment.read = paths(files, "read")
        fragment.write = paths(files, "write")
        fragment.copy = paths(files, "copy")
        fragment.hide = paths(files, "hide")
        fragment.protect = protected(files)
    }

    /// A slash at the end says that the path is a folder's.
    private mutating func protected(_ files: YAMLMapping) -> [Sourced<Protection>] {
        let variables = variables
        return paths(files, "protect") { text throws(TextProblem) in
            if let sought = try PathText.sought(text, variables) { return (.sought(sought), sought.text) }
            let path = try PathText.parse(text, variables)
            return (.path(ProtectedPath(path: path, isFolder: text.ends(with: "/"))), path)
        }
    }

    private mutating func paths(_ files: YAMLMapping, _ key: String) -> [Sourced<String>] {
        let variables = variables
        return paths(files, key) { text throws(TextProblem) in
            let path = try PathText.parse(text, variables)
            return (path, path)
        }
    }

    private mutating func paths<Value: Sendable & Hashable>(
        _ files: YAMLMapping,
        _ key: String,
        _ parse: (String) throws(TextProblem) -> (value: Value, path: String)
    ) -> [Sourced<Value>] {
        let items = files[key]?.texts("files.\(key)", &errors) ?? []
        return items.compactMap { item in
            guard has(roomFor: 1, of: .paths, at: item.position) else { return nil }
            do throws(TextProblem) {
                let (value, path) = try parse(item.text)
                guard has(roomFor: path.utf8.count, of: .pathBytes, at: item.position),
                    has(roomFor: ProfileLimit.names(in: path), of: .pathNames, at: item.position)
                else { return nil }
                return Sourced(value: value, source: source(item.position))
            } catch {
                errors.report(error, in: item.node)
                return nil
            }
        }
    }

    private mutating func read(limits node: YAMLNode, into fragment: inout ProfileFragment) {
        let keys = LimitName.allCases.map(\.rawValue) + [Enforcement.key]
        guard let limits = node.mapping("limits", keys: keys, &errors) else { return }
        if let node = limits[Enforcement.key],
            let word = node.word("limits.enforced", of: Enforcement.allCases.map(\.rawValue), &errors)
        {
            fragment.enforcement = Enforcement(rawValue: word).map {
                Sourced(value: $0, source: source(node.position))
            }
        }
        for name in LimitName.allCases {
            guard let node = limits[name.rawValue], let text = node.text("limits.\(name.rawValue)", &errors)
            else {
                continue
            }
            do {
                let value = LimitValue(amount: try amount(text, name), text: text)
                fragment.limits[name] = Sourced(value: value, source: source(node.position))
            } catch {
                errors.report(error, in: node)
            }
        }
    }

    private func amount(_ text: String, _ name: LimitName) throws(TextProblem) -> UInt64 {
        switch name {
        case .memory, .disk: try Quantity.size(text)
        case .time: try Quantity.duration(text)
        case .cpus: try Quantity.milliCPUs(text)
        case .processes, .openFiles: try Quantity.count(text)
        }
    }
}

/// The rule that names of profiles and credentials follow.
package enum ProfileName {
    /// Bytes; NAME_MAX of Linux is 255, and a name stands in messages and tables.
    package static let maximumLength = 64

    package static func isValid(_ name: String) -> Bool { isValid(name, alsoAllowing: "") }

    /// Whether the text is a name, or one with `*` for any run of characters.
    package static func isValidGlob(_ text: String) -> Bool { isValid(text, alsoAllowing: "*") }

    private static func isValid(_ name: String, alsoAllowing extra: String) -> Bool {
        guard (1...maximumLength).contains(name.utf8.count), let first = name.utf8.first,
            !"._-".utf8.contains(first)
        else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: "._-".utf8.contains(byte) || extra.utf8.contains(byte)
            }
        }
    }
}
