package import Model

/// What an action asks of a request besides its method and path.
package struct Conditions: Sendable, Hashable {
    package var query: QueryCondition?
    package var size: SizeCondition?
    /// All of them, in the order of the text.
    package var members: [MemberCondition] = []
    /// Of what is allowed: what it has to be by its head.
    package var kind = RequestKind.plain
    package var push: PushCondition?

    package static let none = Conditions()

    package init() {}

    /// What it costs at most to hold a request against them, in steps over single bytes.
    func cost(as effect: Effect) -> Int {
        let isRead = kind == .plain || effect != .allow
        let parameters =
            (isRead ? query : nil).map { 3 * ($0.parameters.count + 1) * PathGlob.maximumPath } ?? 0
        return parameters + members.count * JSONWalker.maximumString + (push?.cost ?? 0)
    }
}

/// Parameters of the query: `?q=*&page=1`.
package struct QueryCondition: Sendable, Hashable {
    /// One parameter, with a glob over its value.
    package struct Parameter: Sendable, Hashable {
        package let name: [UInt8]
        package let value: WordGlob

        package init(name: [UInt8], value: WordGlob) {
            self.name = name
            self.value = value
        }
    }

    package let parameters: [Parameter]
    /// `&**`: others may be there as well.
    package let isOpen: Bool

    package init(parameters: [Parameter], isOpen: Bool) {
        self.parameters = parameters
        self.isOpen = isOpen
    }
}

/// How large the body may be, or is.
package enum SizeCondition: Sendable, Hashable {
    /// `body <= 1MiB`, of what is allowed.
    case atMost(UInt64)
    /// `body > 1MiB`, of what is denied or asked.
    case moreThan(UInt64)
}

/// `body /model = "gpt-*"`.
package struct MemberCondition: Sendable, Hashable {
    /// What the value is.
    package enum Value: Sendable, Hashable {
        /// A string that this stands for.
        case string(WordGlob)
        /// `true`, `false` or `null`.
        case literal(String)
    }

    package let pointer: JSONPointer
    package let value: Value

    package init(pointer: JSONPointer, value: Value) {
        self.pointer = pointer
        self.value = value
    }
}

extension WordGlob: Hashable {
    package static func == (left: WordGlob, right: WordGlob) -> Bool { left.text.isSame(as: right.text) }

    package func hash(into hasher: inout Hasher) { hasher.combine(ByteText(text)) }
}

/// Whether a request meets conditions.
enum Holding {
    case yes
    case no
    /// Nobody knows before the body has been read.
    case unread
    /// As long as its body, whose length is not known, has so many octets at most.
    case upTo(UInt64)
    /// Of a push's refs these alone.
    case part([Bool])
}

/// A request's query and refs, read when a condition first asks for them.
struct ConditionReadings {
    private let query: String?
    private lazy var strict = Self.strict(query)
    private lazy var loose = Self.loose(query)
    private var refs: [SegmentedPath]?

    init(_ query: String?) { self.query = query }

    /// The refs of the request's one push, as paths.
    mutating func refs(of push: GitPush) -> [SegmentedPath] {
        if let refs { return refs }
        let read = push.updates.map { SegmentedPath(Array("/\($0.ref)".utf8)) }
        refs = read
        return read
    }

    /// One parameter in each way that servers read it.
    struct Reading: Hashable {
        let name: [UInt8]
        let value: [UInt8]
    }

    /// A parameter that everybody reads alike, but for `+` in its value, where that has a second reading.
    private struct Plain {
        let name: [UInt8]
        let value: [UInt8]
        let other: [UInt8]?
    }

    /// Nil where a `;` could be a separator.
    private static func strict(_ query: String?) -> [Plain]? {
        guard let query else { return [] }
        guard !query.holds(";") else { return nil }
        return URLQuery.parameters(query).map { parameter in
            let written = Array(parameter.writtenValue.utf8)
            let other =
                written.contains(UInt8(ascii: "+"))
                ? URLQuery.decoded(written, plus: UInt8(ascii: "+")) : nil
            return Plain(name: parameter.name, value: parameter.value, other: other)
        }
    }

    /// Every parameter that some server finds: also between `;`, decoded up to three times, its name in any case and
    /// without what PHP and Rails take for the name of an array.
    private static func loose(_ query: String?) -> Set<Reading> {
        guard let query else { return [] }
        var found: Set<Reading> = []
        let pieces = URLQuery.parameters(query).flatMap { parameter in
            [parameter] + parameter.text.cut(at: ";").flatMap(URLQuery.parameters)
        }
        for piece in pieces {
            for plus in [UInt8(ascii: " "), UInt8(ascii: "+")] {
                var (name, value) = (Array(piece.writtenName.utf8), Array(piece.writtenValue.utf8))
                for _ in 0..<PathReadings.maximumDecodings {
                    (name, value) = (URLQuery.decoded(name, plus: plus), URLQuery.decoded(value, plus: plus))
                    found.insert(Reading(name: folded(name), value: value))
                }
            }
        }
        return found
    }

    static func folded(_ name: [UInt8]) -> [UInt8] {
        name.prefix { $0 != UInt8(ascii: "[") }.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    }

    /// Whether the parameters are these: each once, with a value that matches however it is read, and no other.
    mutating func meet(_ condition: QueryCondition) -> Bool {
        guard let strict else { return false }
        for wanted in condition.parameters {
            var found: Int?
            for (place, parameter) in strict.enumerated() where parameter.name == wanted.name {
                guard found == nil else { return false }
                found = place
            }
            guard let found, wanted.value.matches(strict[found].value),
                strict[found].other.map({ wanted.value.matches($0) }) ?? true
            else { return false }
        }
        guard !condition.isOpen, strict.count > condition.parameters.count else { return true }
        return false
    }

    /// What cannot be told counts against the request.
    mutating func meets(_ condition: QueryCondition, as effect: Effect) -> Bool {
        effect == .allow ? meet(condition) : mayMeet(condition)
    }

    /// Whether each of the parameters may be taken for one that is here.
    mutating func mayMeet(_ condition: QueryCondition) -> Bool {
        let loose = loose
        return condition.parameters.allSatisfy { wanted in
            let name = Self.folded(wanted.name)
            return loose.contains { $0.name == name && wanted.value.matches($0.value) }
        }
    }
}

extension Conditions {
    /// Whether a request meets all of them, for a rule that has them under `effect`.
    ///
    /// What cannot be told counts against the request: it does not meet those of `allow`, and does those of the others.
    func hold(of request: Request, _ readings: inout ConditionReadings, as effect: Effect) -> Holding {
        if kind != .plain, effect == .allow {
            // Its head has been told from all others, its query with it.
            guard request.kind == kind else { return .no }
        } else if let condition = self.query {
            guard readings.meets(condition, as: effect) else { return .no }
        }
        if let push {
            if effect != .allow, push.refs == nil { return .yes }
            return request.body.push.map { push.holds(of: $0, &readings, as: effect) } ?? .unread
        }
        var bound: UInt64?
        switch (size, request.body.length) {
        case (.none, _): break
        case (.atMost(let limit), let length?): if length > limit { return .no }
        case (.moreThan(let limit), let length?): if length <= limit { return .no }
        case (.atMost(let limit), .none), (.moreThan(let limit), .none): bound = limit
        }
        for member in members {
            switch member.holds(of: request.body, as: effect) {
            case .no: return .no
            case .unread: return .unread
            case .yes, .upTo, .part: continue
            }
        }
        return bound.map { .upTo($0) } ?? .yes
    }
}

extension MemberCondition {
    func holds(of body: RequestBody, as effect: Effect) -> Holding {
        guard body.length != 0 else { return .no }
        guard let facts = body.json else { return .unread }
        guard let finding = facts[pointer] else { return effect == .allow ? .no : .yes }
        switch (finding, value) {
        case (.absent, _): return .no
        case (.string(let text), .string(let glob)): return glob.matches(text) ? .yes : .no
        case (.literal(let mine), .literal(let theirs)): return mine == theirs ? .yes : .no
        case (.ambiguous, _), (.other, _), (.string, .literal), (.literal, .string):
            return effect == .allow ? .no : .yes
        }
    }
}

extension Conditions {
    /// Whether every request that meets these meets the others as well; no where that is not plain.
    func imply(_ others: Conditions, _ budget: inout ComparisonBudget) -> Bool {
        guard others != .none else { return true }
        guard budget.spend(ComparisonBudget.pair) else { return false }
        if others.kind != .plain, others.kind != kind { return false }
        if let theirs = others.push {
            guard let push, push.implies(theirs, &budget) else { return false }
        }
        switch (size, others.size) {
        case (_, .none): break
        case (.atMost(let mine), .atMost(let theirs)): if mine > theirs { return false }
        case (.moreThan(let mine), .moreThan(let theirs)): if mine < theirs { return false }
        default: return false
        }
        for theirs in others.members {
            guard members.contains(where: { $0.implies(theirs, &budget) }) else { return false }
        }
        guard let theirs = others.query else { return true }
        guard let mine = query, theirs.isOpen || !mine.isOpen else { return false }
        guard theirs.isOpen || mine.parameters.count == theirs.parameters.count else { return false }
        return theirs.parameters.allSatisfy { wanted in
            mine.parameters.contains {
                $0.name == wanted.name && $0.value.isIncluded(in: wanted.value, &budget)
            }
        }
    }
}

extension MemberCondition {
    fileprivate func implies(_ other: MemberCondition, _ budget: inout ComparisonBudget) -> Bool {
        guard pointer == other.pointer else { return false }
        return switch (value, other.value) {
        case (.string(let mine), .string(let theirs)): mine.isIncluded(in: theirs, &budget)
        case (.literal(let mine), .literal(let theirs)): mine == theirs
        case (.string, .literal), (.literal, .string): false
        }
    }
}

extension WordGlob {
    func isIncluded(in other: WordGlob, _ budget: inout ComparisonBudget) -> Bool {
        if self == other { return true }
        var (mine, theirs) = (GlobUnion(), GlobUnion())
        guard mine.add(word: slashless, &budget), theirs.add(word: other.slashless, &budget) else {
            return false
        }
        return mine.isIncluded(in: theirs, &budget) == .included
    }

    /// To a union of globs a slash is no byte like others, as it is in a value: one that no condition has stands for it.
    private var slashless: String {
        String(decoding: text.utf8.map { $0 == GlobUnion.slash ? 0x01 : $0 }, as: UTF8.self)
    }
}
