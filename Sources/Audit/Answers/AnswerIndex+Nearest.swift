internal import Model

extension AnswerIndex {
    /// Of the first requests on record the one that is most like one: of its host first, then of its path, then in what both begin and end with.
    func nearest(to key: Key) -> Asked? {
        var (best, found): (Likeness?, Asked?) = (nil, nil)
        let sought = Likeness.Sought(key)
        // Of this host and of others the first: who waits for other answers waits for this one as well.
        var looked = [true: 0, false: 0]
        for candidate in asked {
            let isThere = candidate.key.resource == key.resource
            guard looked[isThere, default: 0] < AuditLimits.lookedAtOnce else { continue }
            looked[isThere, default: 0] += 1
            let likeness = Likeness(sought, candidate)
            if let best, !(best < likeness) { continue }
            (best, found) = (likeness, candidate)
        }
        return found
    }
}

/// How much two requests have in common.
private struct Likeness: Comparable {
    /// What is looked for, taken apart once.
    struct Sought {
        let key: AnswerIndex.Key
        let method: ByteText
        let path: [UInt8]

        init(_ key: AnswerIndex.Key) {
            self.key = key
            method = key.method
            path = Array(key.path.text.utf8)
        }
    }

    private let ranks: [Int]

    init(_ sought: Sought, _ candidate: AnswerIndex.Asked) {
        let other = candidate.key
        let path = Array(other.path.text.utf8)
        ranks = [
            sought.key.resource == other.resource ? 1 : 0,
            sought.path == path ? 1 : 0,
            sought.method == other.method ? 1 : 0,
            Self.shared(sought.path, path),
            sought.key.query == other.query ? 1 : 0,
            sought.key.range == other.range ? 1 : 0,
            candidate.slots.isEmpty ? 0 : 1,
        ]
    }

    static func < (left: Likeness, right: Likeness) -> Bool {
        left.ranks.lexicographicallyPrecedes(right.ranks)
    }

    /// Octets that both begin with, and end with, less those in which they differ in length.
    private static func shared(_ left: [UInt8], _ right: [UInt8]) -> Int {
        let shorter = min(left.count, right.count)
        var front = 0
        while front < shorter, left[front] == right[front] { front += 1 }
        var back = 0
        while back < shorter - front, left[left.count - 1 - back] == right[right.count - 1 - back] {
            back += 1
        }
        return front + back - abs(left.count - right.count)
    }
}

extension AnswerIndex.Key {
    /// What stands in front of the path: `GET`, `git fetch`.
    var method: ByteText {
        ByteText(action.text.firstPlace(of: "/").map { action.text[..<$0] } ?? action.text[...])
    }

    /// What stands behind that.
    var path: ByteText { ByteText(action.text.firstPlace(of: "/").map { action.text[$0...] } ?? "") }
}
