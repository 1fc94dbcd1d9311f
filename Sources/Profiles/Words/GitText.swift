internal import Model
internal import Policy

/// Reads git's verbs: `git fetch /acme/app.git`, `git push /acme/app.git refs/heads/agent/*`.
enum GitText {
    static let word = "git"
    static let fetch = "fetch"
    static let push = "push"
    /// A push with options, of a request.
    static let options = "-o"
    private static let refs = "refs/"

    /// What a verb means, and of `ask` and `deny` what servers take for the same.
    static func forms(
        _ text: String,
        _ effect: Effect
    ) throws(TextProblem) -> (forms: [ActionPattern.Form], likenesses: [ActionPattern.Form]) {
        let words = text.cut(at: " ", omittingEmptySubsequences: false).map(String.init)
        guard (2...4).contains(words.count), !words.contains(where: \.isEmpty),
            let service = service(words[1]),
            words.count < (service == .uploadPack ? 4 : 5)
        else {
            throw TextProblem(
                "\"\(text)\" is not a verb of git; it is written git fetch /REPOSITORY or git push /REPOSITORY REF",
                suggestion: words.count > 1 ? nil : "git fetch /**"
            )
        }
        let repository = words.count > 2 ? words[2] : "/**"
        let offset = word.utf8.count + words[1].unicodeScalars.count + 2
        let refs =
            words.count > 3 ? try self.refs(words[3], offset + repository.unicodeScalars.count + 1) : nil
        let forms = try self.forms(repository, service, refs, effect, offset)
        guard effect != .allow else { return (forms, []) }
        var likenesses: [ActionPattern.Form] = []
        for other in alternatives(repository) {
            likenesses += try self.forms(other, service, refs, effect, offset)
        }
        return (forms, likenesses)
    }

    static func service(_ verb: String) -> GitService? {
        switch verb {
        case fetch: .uploadPack
        case push: .receivePack
        default: nil
        }
    }

    /// The opening, which says nothing of refs yet, and what follows it.
    private static func forms(
        _ repository: String,
        _ service: GitService,
        _ refs: PathGlob?,
        _ effect: Effect,
        _ offset: Int
    ) throws(TextProblem) -> [ActionPattern.Form] {
        let base = repository.isSame(as: "/") ? "" : repository
        var opening = Conditions()
        opening.kind = service.kind
        opening.query = QueryCondition(
            parameters: [
                QueryCondition.Parameter(name: Array("service".utf8), value: WordGlob(service.rawValue))
            ],
            isOpen: false
        )
        var rest = Conditions()
        rest.kind = service.kind
        if service == .receivePack { rest.push = PushCondition(refs: refs) }
        let following = ActionPattern.Form(
            .http(method: "POST", path: try path(base, "/" + service.rawValue, offset)),
            rest
        )
        // Who may not push to one ref may still ask for what he may push to others.
        guard effect == .allow || refs == nil else { return [following] }
        return [
            ActionPattern.Form(
                .http(method: "GET", path: try path(base, GitService.opening, offset)),
                opening
            ),
            following,
        ]
    }

    private static func path(_ base: String, _ suffix: String, _ offset: Int) throws(TextProblem) -> PathGlob
    {
        guard !base.ends(with: "/") else {
            throw TextProblem(
                "the repository \"\(base)\" ends with a slash",
                suggestion: String(base.dropLast(bytes: 1)),
                offset: offset
            )
        }
        if let problem = base.isEmpty ? nil : PathGlob.problem(in: base) {
            throw TextProblem(
                "repository \"\(base)\": \(problem.message)",
                suggestion: problem.suggestion,
                offset: offset
            )
        }
        guard let path = PathGlob(base + suffix) else {
            throw TextProblem("the repository \"\(base)\" is too long", offset: offset)
        }
        return path
    }

    private static func refs(_ text: String, _ offset: Int) throws(TextProblem) -> PathGlob {
        guard text.begins(with: refs) else {
            throw TextProblem(
                "\"\(text)\" is not the whole name of a ref, which begins with \(refs)",
                suggestion: "refs/heads/\(text)",
                offset: offset
            )
        }
        guard !text.holds("%") else {
            throw TextProblem(
                "ref \"\(text)\": names of refs are not encoded; * stands for anything",
                offset: offset
            )
        }
        if let problem = PathGlob.problem(in: "/" + text) {
            throw TextProblem("ref \"\(text)\": \(problem.message)", offset: offset)
        }
        guard let glob = PathGlob("/" + text) else {
            throw TextProblem("\"\(text)\" is not a ref", offset: offset)
        }
        return glob
    }

    /// Other paths under which servers have the same repository (git's enter_repo).
    private static func alternatives(_ repository: String) -> [String] {
        let name = repository.cut(at: "/").last ?? ""
        guard !name.isEmpty, !name.isSame(as: "**") else { return [] }
        // `*` stands for the suffix as well.
        guard !name.ends(with: "*") else { return [repository + "/.git"] }
        let bare = repository.ends(with: ".git") ? String(repository.dropLast(bytes: 4)) : repository
        guard !bare.ends(with: "/") else { return [] }
        let all = [bare, bare + ".git", bare + "/.git", bare + ".git/.git"]
        return all.filter { !$0.isSame(as: repository) }
    }
}

// A request, as a person writes it.
extension GitText {
    /// `git fetch URL`, `git push [-o] URL [REF…]`: the URL of the request's last part, what it is and asks for.
    ///
    /// Without a ref it is the opening, by which a client hears which refs there are.
    static func request(
        _ words: [String]
    ) throws(TextProblem) -> (method: String, url: String, kind: RequestKind, push: GitPush?) {
        let hasOptions = words.count > 2 && words[2].isSame(as: options)
        let rest = words.dropFirst(hasOptions ? 3 : 2)
        guard words.count > 1, let service = service(words[1]), let repository = rest.first,
            service == .receivePack || (rest.count == 1 && !hasOptions)
        else {
            throw TextProblem(
                "\"\(words.joined(separator: " "))\" is not a request; it is written git fetch URL or git push URL REF"
            )
        }
        guard !repository.holds("?"), !repository.holds("#") else {
            throw TextProblem("the URL of a repository has neither query nor fragment")
        }
        let base = repository.ends(with: "/") ? String(repository.dropLast(bytes: 1)) : repository
        guard rest.count > 1 else {
            return ("GET", "\(base)\(GitService.opening)?\(service.query)", service.kind, nil)
        }
        let updates = try rest.dropFirst().map { text throws(TextProblem) in
            let isDeletion = text.begins(with: ":")
            let ref = isDeletion ? String(text.dropFirst(bytes: 1)) : text
            guard GitPush.isRef(ref) else {
                throw TextProblem(
                    "\"\(ref)\" is not the whole name of a ref",
                    suggestion: "refs/heads/\(ref)"
                )
            }
            return GitPush.Update(ref: ref, isDeletion: isDeletion)
        }
        return ("POST", "\(base)/\(service.rawValue)", service.kind, GitPush(updates, hasOptions: hasOptions))
    }
}
