internal import Model

/// Finds the word an author most likely meant.
package enum NearestWord {
    /// Bytes of an offending word that is compared at all; longer ones have no near word.
    package static let maximumLength = 64
    /// Bytes of a beginning that stands for its word, when there is only one.
    private static let minimumStart = 3

    /// The only candidate that begins with the word, where no other is one slip away; else that with the least edit distance, if that is
    /// small for the word's length.
    package static func nearest(to word: String, in candidates: some Sequence<String>) -> String? {
        guard (1...maximumLength).contains(word.utf8.count) else { return nil }
        var best: (word: String, distance: Int)?
        for candidate in candidates {
            let distance = distance(word, candidate)
            if distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        // Cut short, as in `mem`, and `github` for `github-actions` where there is `gitlab`.
        let longer = candidates.filter { $0.utf8.count > word.utf8.count && $0.begins(with: word) }
        let whole = word.utf8.count >= minimumStart && longer.count == 1 ? longer.first : nil
        guard let best, best.distance <= max(1, min(3, word.utf8.count / 2)) else { return whole }
        return best.distance > 1 ? whole ?? best.word : best.word
    }

    /// Edit distance with transposition of neighbours (optimal string alignment), ignoring ASCII case.
    package static func distance(_ left: String, _ right: String) -> Int {
        let a = left.utf8.map { $0 | 0x20 }
        let b = right.utf8.map { $0 | 0x20 }
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                let substituted = last[j] + (a[i] == b[j] ? 0 : 1)
                var cost = min(substituted, last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    cost = min(cost, beforeLast[j - 1] + 1)
                }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
