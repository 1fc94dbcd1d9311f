internal import Model
package import Policy

/// What the variables of a profile stand for; the only ones there are.
package struct ProfileVariables: Sendable, Hashable {
    /// `$WORKSPACE`; nil where there is none, and a profile that uses it is refused.
    package var workspace: String?
    /// `~`.
    package var home: String?
    /// `$TMPDIR`.
    package var temporary: String?

    package init(workspace: String?, home: String?, temporary: String?) {
        self.workspace = workspace
        self.home = home
        self.temporary = temporary
    }

    package static func == (left: ProfileVariables, right: ProfileVariables) -> Bool { left.key == right.key }

    package func hash(into hasher: inout Hasher) { hasher.combine(key) }

    private var key: [ByteText?] { [workspace, home, temporary].map { $0.map { ByteText($0) } } }

    fileprivate static let names = ["$WORKSPACE", "$TMPDIR", "~"]

    fileprivate func value(of name: String) -> String? {
        switch name {
        case "$WORKSPACE": workspace
        case "$TMPDIR": temporary
        case "~": home
        default: nil
        }
    }
}

/// Reads the paths under `files`: absolute after the variable in front, if any, without `.` and `..`.
package enum PathText {
    /// PATH_MAX of Linux (limits.h) without the terminating NUL.
    package static let maximumLength = 4095

    package static func parse(_ text: String, _ variables: ProfileVariables) throws(TextProblem) -> String {
        guard !text.isEmpty else { throw TextProblem("a path must not be empty") }
        let cut = text.firstPlace(of: "/") ?? text.endIndex
        let (first, rest) = (String(text[..<cut]), text[cut...])
        let base = first.isEmpty ? "" : try expansion(of: first, rest: String(rest), variables)
        try checkSegments(rest, offset: first.unicodeScalars.count)
        // One spelling for each directory: rules are compared as text.
        let tail = rest.ends(with: "/") ? rest.dropLast(bytes: 1) : rest
        let path = (base.isSame(as: "/") ? "" : base) + String(tail)
        guard path.utf8.count <= maximumLength else {
            throw TextProblem("the path is longer than \(maximumLength) bytes")
        }
        return path.isEmpty ? "/" : path
    }

    /// Reads `/base/**/name`, which stands in `files.protect` alone; nil where the text has no `**` between slashes.
    package static func sought(
        _ text: String,
        _ variables: ProfileVariables
    ) throws(TextProblem) -> SoughtPath? {
        guard let stars = text.firstPlace(ofText: "/**/") else { return nil }
        guard stars.lowerBound > text.startIndex else {
            throw TextProblem(
                "a folder stands in front of /**/, so that not the whole machine is looked through"
            )
        }
        let base = try parse(String(text[..<stars.lowerBound]), variables)
        let rest = text[stars.upperBound...]
        let names: [String]
        do throws(TextProblem) {
            names = try parse("/" + rest, variables).cut(at: "/").map(String.init)
        } catch {
            let before = text[..<stars.upperBound].unicodeScalars.count - 1
            throw TextProblem(error.message, suggestion: nil, offset: before + error.offset)
        }
        guard !names.isEmpty else { throw TextProblem("a name stands behind /**/: what to look for") }
        return SoughtPath(base: base, names: names, isFolder: rest.ends(with: "/"))
    }

    private static func expansion(
        of name: String,
        rest: String,
        _ variables: ProfileVariables
    ) throws(TextProblem) -> String {
        guard ProfileVariables.names.holds(bytes: name) else {
            if name.begins(with: "$") {
                let bare = "$" + name.filter { $0.isLetter || $0 == "_" }
                throw TextProblem(
                    "unknown variable \(name); there are only $WORKSPACE, ~ and $TMPDIR",
                    suggestion: NearestWord.nearest(to: bare, in: ProfileVariables.names).map { $0 + rest }
                )
            }
            if name.begins(with: "~") {
                throw TextProblem(
                    "\(name): only ~ itself, the home directory, is known",
                    suggestion: "~\(rest)"
                )
            }
            let below = name.isSame(as: ".") ? rest : "/\(name)\(rest)"
            throw TextProblem(
                "\"\(name + rest)\" is a relative path; begin it with /, $WORKSPACE, ~ or $TMPDIR",
                suggestion: name.isSame(as: "..") ? nil : "$WORKSPACE\(below)"
            )
        }
        guard let value = variables.value(of: name), value.begins(with: "/") else {
            throw TextProblem("\(name) is not set, so the path cannot be known")
        }
        return value
    }

    private static func checkSegments(_ path: Substring, offset: Int) throws(TextProblem) {
        var position = offset
        let segments = path.cut(at: "/", omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            if segment.isSame(as: "..") || segment.isSame(as: ".") {
                throw TextProblem(
                    "\"\(segment)\" is not allowed in a path; write where it leads",
                    offset: position
                )
            }
            if segment.isEmpty, index > 0, index < segments.count - 1 {
                throw TextProblem("an empty part (//) is not allowed in a path", offset: position)
            }
            if let odd = segment.unicodeScalars.firstIndex(where: { "*?[$".holds($0) }) {
                throw TextProblem(
                    segment.unicodeScalars[odd] == "$"
                        ? "a variable stands only in front of a path"
                        : "\"\(segment.unicodeScalars[odd])\": paths under files are exact, there are no globs but one /**/ in files.protect",
                    offset: position + segment[..<odd].unicodeScalars.count
                )
            }
            position += segment.unicodeScalars.count + 1
        }
    }
}
