internal import Model
internal import Policy

/// Reads what may stand behind a method and a path: `?q=*`, `body <= 1MiB and body /model = "gpt-*"`.
enum ConditionText {
    /// Conditions of one action; a reviewed rule has one or two.
    static let maximumConditions = 8

    /// An action's text in its parts.
    struct Parts {
        /// Method and path.
        let action: String
        /// Behind the path's `?`; nil without one.
        let query: Substring?
        /// Behind `body`, with it; nil without.
        let clauses: Substring?
    }

    static func cut(_ text: String) -> Parts {
        let body = text.firstPlace(ofText: " body ")
        let front = text[..<(body?.lowerBound ?? text.endIndex)]
        let clauses = body.map { text[text.unicodeScalars.index(after: $0.lowerBound)...] }
        guard let mark = front.firstPlace(of: "?") else {
            return Parts(action: String(front), query: nil, clauses: clauses)
        }
        return Parts(action: String(front[..<mark]), query: front.rest(behind: mark), clauses: clauses)
    }

    /// Nil where there are none.
    static func conditions(_ parts: Parts, _ effect: Effect) throws(TextProblem) -> Conditions? {
        guard parts.query != nil || parts.clauses != nil else { return nil }
        var conditions = Conditions()
        if let query = parts.query { conditions.query = try self.query(query) }
        guard var rest = parts.clauses else { return conditions }
        while true {
            rest = try clause(rest, effect, &conditions)
            guard !rest.isEmpty else { return conditions }
            guard rest.begins(with: " and body ") else {
                throw TextProblem("\"\(rest)\" is not \"and body …\", which joins conditions")
            }
            rest = rest.dropFirst(bytes: 5)
        }
    }

    /// `q=*&page=1&**`.
    private static func query(_ text: Substring) throws(TextProblem) -> QueryCondition {
        var parameters: [QueryCondition.Parameter] = []
        var isOpen = false
        let parts = text.isEmpty ? [] : text.cut(at: "&", omittingEmptySubsequences: false)
        for part in parts {
            if part.isSame(as: "**") {
                isOpen = true
                continue
            }
            guard let equals = part.firstPlace(of: "="), equals != part.startIndex else {
                throw TextProblem(
                    "query: \"\(part)\" is not NAME=VALUE",
                    suggestion: part.isEmpty ? nil : "\(part)=*"
                )
            }
            let name = try decoded(part[..<equals])
            guard !name.utf8.contains(UInt8(ascii: "*")) else {
                throw TextProblem("query: the name in \"\(part)\" has a star; ** stands for all others")
            }
            let bytes = Array(name.utf8)
            guard !parameters.contains(where: { $0.name == bytes }) else {
                throw TextProblem("query: \"\(name)\" is there twice")
            }
            parameters.append(
                QueryCondition.Parameter(name: bytes, value: WordGlob(try decoded(part.rest(behind: equals))))
            )
        }
        guard parameters.count <= maximumConditions else { throw tooMany }
        return QueryCondition(parameters: parameters, isOpen: isOpen)
    }

    private static func decoded(_ text: Substring) throws(TextProblem) -> String {
        guard !text.holds("+"), !text.holds(";") else {
            throw TextProblem(
                "query: \"\(text)\" has a + or a ;, which servers read differently; write %20, %2B or %3B"
            )
        }
        let result = String(decoding: URLQuery.decoded(text), as: Unicode.UTF8.self)
        guard result.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw TextProblem("query: \"\(text)\" has a control character in it")
        }
        return result
    }

    /// One condition, `body` and what follows; gives what stands behind it.
    private static func clause(
        _ text: Substring,
        _ effect: Effect,
        _ conditions: inout Conditions
    ) throws(TextProblem) -> Substring {
        let rest = text.dropFirst(bytes: 5)
        if rest.begins(with: "/") { return try member(rest, &conditions) }
        let words = rest.cut(at: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count >= 2, words[0].isSame(as: "<=") || words[0].isSame(as: ">") else {
            throw TextProblem(
                "\"\(text)\" is not a condition; it is written body <= SIZE, body > SIZE or body /POINTER = \"VALUE\"",
                suggestion: comparison(rest).map { "body /\($0)" }
            )
        }
        guard conditions.size == nil else { throw TextProblem("the size of the body is there twice") }
        let size = try Quantity.size(String(words[1]))
        let isMost = words[0].isSame(as: "<=")
        guard isMost == (effect == .allow) else {
            throw TextProblem(
                isMost
                    ? "\(effect.rawValue) names what is too large, by body > SIZE"
                    : "allow names what is small enough, by body <= SIZE",
                suggestion: isMost ? "body > \(words[1])" : "body <= \(words[1])"
            )
        }
        conditions.size = isMost ? .atMost(size) : .moreThan(size)
        return words.count == 3 ? rest[words[1].endIndex...] : ""
    }

    /// `NAME = VALUE` of a text that compares by another sign; nil for what compares nothing.
    private static func comparison(_ text: Substring) -> String? {
        let words = text.cut(at: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, ["=", "==", "===", ":", "=~", "is"].holds(bytes: words[1]) else { return nil }
        return "\(words[0]) = \(words[2])"
    }

    /// `/model = "gpt-*"`, `/stream = false`.
    private static func member(
        _ text: Substring,
        _ conditions: inout Conditions
    ) throws(TextProblem) -> Substring {
        let words = text.cut(at: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, words[1].isSame(as: "=") else {
            throw TextProblem(
                "\"body \(text)\" is not body /POINTER = VALUE",
                suggestion: comparison(text).map { "body \($0)" }
            )
        }
        guard let pointer = JSONPointer(words[0]) else {
            throw TextProblem("\"\(words[0])\" is not a JSON pointer (RFC 6901)")
        }
        guard conditions.members.count < maximumConditions else { throw tooMany }
        guard !conditions.members.contains(where: { $0.pointer == pointer }) else {
            throw TextProblem("the pointer \(pointer) is there twice")
        }
        let value: MemberCondition.Value
        let rest: Substring
        if words[2].begins(with: "\"") {
            let (string, behind) = try quoted(words[2])
            value = .string(WordGlob(string))
            rest = behind
        } else {
            let end = words[2].firstPlace(of: " ") ?? words[2].endIndex
            let word = words[2][..<end]
            guard ["true", "false", "null"].holds(bytes: word) else {
                throw TextProblem(
                    "\"\(word)\" is neither a string in quotes nor true, false or null; numbers, which have many "
                        + "spellings, are not compared",
                    suggestion: "\"\(word)\""
                )
            }
            value = .literal(String(word))
            rest = words[2][end...]
        }
        conditions.members.append(MemberCondition(pointer: pointer, value: value))
        return rest
    }

    /// A string between quotes, with `\"` and `\\`, and what is behind it.
    private static func quoted(_ text: Substring) throws(TextProblem) -> (String, Substring) {
        var result = ""
        var isEscaped = false
        var place = text.unicodeScalars.index(after: text.startIndex)
        while place < text.endIndex {
            let scalar = text.unicodeScalars[place]
            place = text.unicodeScalars.index(after: place)
            switch (scalar, isEscaped) {
            case ("\\", false): isEscaped = true
            case ("\"", false): return (result, text[place...])
            case ("\\", true), ("\"", true), (_, false):
                guard scalar.value >= 0x20, scalar.value != 0x7F else {
                    throw TextProblem("a control character in \(text)")
                }
                result.unicodeScalars.append(scalar)
                isEscaped = false
            case (_, true): throw TextProblem("\\\(scalar) in \(text) is no escape; only \\\" and \\\\ are")
            }
        }
        throw TextProblem("the string in \(text) has no end: a quote is missing")
    }

    private static var tooMany: TextProblem {
        TextProblem("more than \(maximumConditions) conditions of one kind")
    }
}
