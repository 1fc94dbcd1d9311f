internal import Literals
internal import Model

/// The kinds that have a text of their own in them: addresses of mail, keys, tokens.
enum MaskLiterals {
    private enum Meaning: Sendable {
        case at
        case key
        case token(TokenShape)

        var kind: MaskKind {
            switch self {
            case .at: .email
            case .key: .privateKey
            case .token: .token
            }
        }
    }

    private static let keyBegin = Array("-----BEGIN ".utf8)
    private static let keyEnd = Array("-----".utf8)

    private static let all: [(octets: [UInt8], meaning: Meaning)] =
        [([UInt8(ascii: "@")], .at), (keyBegin, .key)] + TokenShape.all.map { ($0.prefix, .token($0)) }

    /// Nil where Vectorscan does not run; then nothing can be masked.
    private static let set = LiteralSet(all.map(\.octets))

    static func concern(_ kinds: MaskKinds) -> Bool { kinds.holdsAny(own) }

    /// The other kinds are made of digits.
    static let own = MaskKinds([.email, .privateKey, .token])

    static func find(in text: RawSpan, _ hits: inout [LiteralSet.Hit]) -> Bool {
        hits.removeAll(keepingCapacity: true)
        return set?.find(in: text, &hits) ?? false
    }

    /// What a literal at this place is part of; nothing where that begins before `covered`.
    static func sighting(
        _ hit: LiteralSet.Hit,
        _ text: RawSpan,
        _ sweep: Sweep,
        from covered: Int
    ) -> Sweep.Sighting {
        let (octets, meaning) = all[hit.literal]
        let start = hit.end - octets.count
        guard start >= covered, sweep.kinds.contains(meaning.kind) else { return .nothing }
        switch meaning {
        case .at: return MailAddress.sighting(at: start, text, sweep, from: covered)
        case .key: return key(start, text, sweep)
        case .token(let shape):
            return sweep.sparing(text, at: start) ?? shape.sighting(at: start, text, sweep)
        }
    }

    private static func key(_ start: Int, _ text: RawSpan, _ sweep: Sweep) -> Sweep.Sighting {
        let label = start + keyBegin.count
        let length = sweep.run(text, label, upTo: MaskLimits.label) { $0 != UInt8(ascii: "-") }
        let body = label + length + keyEnd.count
        if length < MaskLimits.label, sweep.goesOn(text, body - 1) { return .undecided(from: start) }
        guard body <= text.byteCount,
            (0..<keyEnd.count).allSatisfy({ text.octet(label + length + $0) == 0x2D })
        else { return .nothing }
        let words = (label..<label + length).map { text.octet($0) }
        guard words.holds("PRIVATE KEY") else { return .nothing }
        return MaskedRun.key(afterDash: false).sighting(body, .privateKey, text, sweep, from: start)
    }
}

extension MaskedRun {
    /// A run from a place on, to its end or that of the stretch.
    func sighting(
        _ body: Int,
        _ kind: MaskKind,
        _ text: RawSpan,
        _ sweep: Sweep,
        from start: Int
    ) -> Sweep.Sighting {
        var rest = self
        let end = body + rest.length(text, from: body)
        guard sweep.goesOn(text, end) else { return .found(body..<end, kind, from: start) }
        return .open(body..<end, kind, rest, from: start)
    }
}

extension [UInt8] {
    /// Whether a text stands in it.
    fileprivate func holds(_ text: String) -> Bool {
        let sought = Array(text.utf8)
        return indices.contains { self[$0...].starts(with: sought) }
    }
}

/// An address of mail, by what stands around its `@`.
enum MailAddress {
    static func sighting(
        at place: Int,
        _ text: RawSpan,
        _ sweep: Sweep,
        from covered: Int
    ) -> Sweep.Sighting {
        var start = place
        while start > covered, place - start < MaskLimits.localPart, isLocal(text, start - 1, sweep) {
            start -= 1
        }
        // Not within a character of UTF-8, of which the rest would stay.
        while start < place, "'.-+".utf8.contains(text.octet(start)) || isContinuation(text.octet(start)) {
            start += 1
        }
        guard start < place else { return .nothing }
        var length = sweep.run(text, place + 1, upTo: MaskLimits.domain) {
            isDomain($0) || $0 == UInt8(ascii: ".")
        }
        let isCut = length == MaskLimits.domain
        if length < MaskLimits.domain, sweep.goesOn(text, place + 1 + length) {
            return .undecided(from: start)
        }
        if isCut { length = wholeCharacters(text, place + 1, length) }
        guard let end = domainEnd(text, place + 1, length) else { return .nothing }
        let local = (start..<place).map { text.octet($0) }
        // The user of a repository's address is nobody, and `logo@2x.png` is a picture.
        let isNobody =
            local == Array("git".utf8)
            || (text.octet(place + 1).isDigit && text.octet(place + 2) | 0x20 == 0x78)
        return isNobody ? .nothing : .found(start..<end, .email, from: start)
    }

    private static func isContinuation(_ octet: UInt8) -> Bool { octet & 0xC0 == 0x80 }

    /// So many octets without the last character, where it is not ASCII and may not be whole.
    private static func wholeCharacters(_ text: RawSpan, _ start: Int, _ length: Int) -> Int {
        var length = length
        while length > 0, isContinuation(text.octet(start + length - 1)) { length -= 1 }
        return length > 0 && text.octet(start + length - 1) >= 0xC0 ? length - 1 : length
    }

    private static func isLocal(_ text: RawSpan, _ index: Int, _ sweep: Sweep) -> Bool {
        let octet = text.octet(index)
        if octet == UInt8(ascii: "'") {
            return sweep.octet(text, index - 1).isLetterOrDigit && text.octet(index + 1).isLetterOrDigit
        }
        return octet.isLetterOrDigit || octet >= 0x80 || "._+-".utf8.contains(octet)
    }

    private static func isDomain(_ octet: UInt8) -> Bool {
        octet.isLetterOrDigit || octet >= 0x80 || octet == UInt8(ascii: "-")
    }

    /// Behind the last label of a name with two at least, the last of which is no number.
    private static func domainEnd(_ text: RawSpan, _ start: Int, _ length: Int) -> Int? {
        var end: Int?
        var label = start
        for index in start...start + length
        where index == start + length || text.octet(index) == UInt8(ascii: ".") {
            guard index > label, isDomain(text.octet(label)), text.octet(label) != 0x2D else { break }
            if label > start { end = isTop(text, label..<index) ? index : end }
            label = index + 1
        }
        return end
    }

    /// Two letters at least; a name in another script is `xn--…` or not ASCII.
    private static func isTop(_ text: RawSpan, _ range: Range<Int>) -> Bool {
        guard range.count >= 2 else { return false }
        let isPunycode = range.count > 4 && text.octet(range.lowerBound + 2) == 0x2D
        return range.allSatisfy { index in
            let octet = text.octet(index)
            return octet.isLower || octet.isUpper || octet >= 0x80 || isPunycode
        }
    }
}
