internal import Glibc
internal import Masking
internal import Model
internal import Synchronization

/// A mask, and what it made of what records bring again and again: lineages, names of profiles, rules, endpoints.
final class MaskMemory: Sendable {
    let mask: SecretMask
    /// By their octets: what only looks alike is another text.
    private let masked = Mutex<[ByteText: String]>([:])
    /// A client says the same of itself in each request.
    private let lastFields = Mutex<(text: String, masked: String)>(("", ""))
    private let lineages = Mutex<[AgentID: Known]>([:])
    /// What the rules of an agent and its ancestors said last: a few of them decide most of its requests.
    private let rulings = Mutex<[AgentID: [Ruling]]>([:])

    /// A class: it is looked up for each record, and a copy is a reference more to each of its texts.
    private final class Known: Sendable {
        let lineage: Lineage
        let columns: LineageColumns

        init(_ lineage: Lineage, _ columns: LineageColumns) {
            (self.lineage, self.columns) = (lineage, columns)
        }
    }

    private struct Ruling {
        let levels: [LevelVerdict]
        let json: [UInt8]
    }

    init(_ mask: SecretMask) {
        self.mask = mask
    }

    func text(_ text: String) -> String {
        guard text.utf8.count <= AuditLimits.rememberedText else { return mask.text(text) }
        let key = ByteText(text)
        if let known = masked.withLock({ $0[key] }) { return known }
        let result = mask.text(text)
        masked.withLock { masked in
            if masked.count >= AuditLimits.rememberedTexts { masked.removeAll(keepingCapacity: true) }
            masked[key] = result
        }
        return result
    }

    /// The same of header fields, a line each.
    func fields(_ text: String) -> String {
        if let known = lastFields.withLock({ Self.isSame($0.text, text) ? $0.masked : nil }) { return known }
        let result = mask.longText(text)
        lastFields.withLock { $0 = (text, result) }
        return result
    }

    /// Octet for octet, in one comparison: it is asked for with each head.
    private static func isSame(_ left: String, _ right: String) -> Bool {
        let (left, right) = unsafe (left.utf8.span.bytes, right.utf8.span.bytes)
        guard left.byteCount == right.byteCount else { return false }
        return unsafe left.withUnsafeBytes { left in
            unsafe right.withUnsafeBytes { right in
                guard let first = left.baseAddress, let second = right.baseAddress else {
                    return true
                }
                return unsafe memcmp(first, second, left.count) == 0
            }
        }
    }

    /// What a lineage fills in a record, made by `make` where it is not known.
    func columns(of lineage: Lineage, _ make: (Lineage) -> LineageColumns) -> LineageColumns {
        let agent = lineage.agent.agent
        let known = lineages.withLock { $0[agent] }
        if let known, known.lineage == lineage { return known.columns }
        let columns = make(lineage)
        lineages.withLock { lineages in
            if lineages.count >= AuditLimits.rememberedLineages { lineages.removeAll(keepingCapacity: true) }
            lineages[agent] = Known(lineage, columns)
        }
        return columns
    }

    /// What was said at each level as it is in a record, made by `make` where it is not known.
    func json(of levels: [LevelVerdict], _ make: ([LevelVerdict]) -> [UInt8]) -> [UInt8] {
        guard let agent = levels.last?.agent else { return make(levels) }
        let known = rulings.withLock { $0[agent]?.first { $0.levels.isSame(as: levels) } }
        if let known { return known.json }
        let json = make(levels)
        rulings.withLock { rulings in
            if rulings.count >= AuditLimits.rememberedLineages { rulings.removeAll(keepingCapacity: true) }
            let others = rulings[agent, default: []].suffix(AuditLimits.rememberedRulings - 1)
            rulings[agent] = others + [Ruling(levels: levels, json: json)]
        }
        return json
    }
}

extension [LevelVerdict] {
    /// Octet for octet, of all that stands in a record.
    fileprivate func isSame(as other: [LevelVerdict]) -> Bool {
        count == other.count && zip(self, other).allSatisfy { $0.isSame(as: $1) }
    }
}

extension LevelVerdict {
    fileprivate func isSame(as other: LevelVerdict) -> Bool {
        agent == other.agent && effect == other.effect && ByteText(profile) == ByteText(other.profile)
            && (rule === other.rule || isOfSameRule(as: other))
    }

    private func isOfSameRule(as other: LevelVerdict) -> Bool {
        rule.map { ByteText($0.text) } == other.rule.map { ByteText($0.text) }
            && rule?.source.map { ByteText($0) } == other.rule?.source.map { ByteText($0) }
    }
}
