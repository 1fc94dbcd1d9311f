internal import Model

extension DatabaseRule {
    /// Whether a rule of the parent's for `other` covers the databases of this, whose sessions are bound as strictly.
    func isWithin(_ other: DatabaseRule, _ budget: inout ComparisonBudget) -> Bool {
        guard name.isIncluded(in: other.name, &budget), other.role == nil || other.role == role,
            other.searchPath == nil || other.searchPath == searchPath, isReadOnly || !other.isReadOnly
        else { return false }
        if let theirs = other.statementTimeout, (statementTimeout ?? .max) > theirs { return false }
        return (sslMode ?? .verifyFull) >= (other.sslMode ?? .verifyFull)
    }
}

extension DatabaseRule? {
    func isWithin(_ other: DatabaseRule?, _ budget: inout ComparisonBudget) -> Bool {
        switch (self, other) {
        case (.none, .none): true
        case (let mine?, let theirs?): mine.isWithin(theirs, &budget)
        case (.none, .some), (.some, .none): false
        }
    }
}

extension SQLPattern {
    /// Whether every deed that it allows the other allows as well; no where that is not plain.
    func isCovered(by other: SQLPattern, _ budget: inout ComparisonBudget) -> Bool {
        guard budget.spend(ComparisonBudget.pair) else { return false }
        switch (kind, other.kind) {
        case (_, .none): if let kind, kind.hasToBeNamed { return false }
        case (.some(let mine), .some(let theirs)): if mine != theirs { return false }
        case (.none, .some): return false
        }
        guard other.hasWhere == nil || other.hasWhere == hasWhere else { return false }
        return switch (target, other.target) {
        case (.any, .any), (.objects, .any): true
        case (.objects(let mine), .objects(let theirs)), (.functions(let mine), .functions(let theirs)):
            mine.isIncluded(in: theirs, &budget)
        case (.any, .objects), (.any, .functions), (.objects, .functions), (.functions, .any),
            (.functions, .objects):
            false
        }
    }
}

extension NamePattern {
    fileprivate func isIncluded(in other: NamePattern, _ budget: inout ComparisonBudget) -> Bool {
        guard name.isIncluded(in: other.name, &budget) else { return false }
        guard let theirs = other.schema else { return true }
        return schema?.isIncluded(in: theirs, &budget) ?? false
    }
}
