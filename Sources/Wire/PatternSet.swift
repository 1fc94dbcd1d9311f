/// A fixed set of byte patterns, found in one pass however many there are (Aho and Corasick 1975).
///
/// ASCII letters match in either case. Built once and shared; `PatternScanner` holds the place in one stream.
package struct PatternSet: Sendable {
    /// Octets of all patterns together that are built into a set; with at most 256 classes of 4 bytes this
    /// bounds its memory at 32 MiB, and real sets (a handful of placeholders) stay below 1 MiB.
    package static let maximumOctets = 32_768

    /// Class of each octet; 0 for those in no pattern.
    let classes: [UInt8]
    /// Where the row of the next node begins, by the row of a node and a class; the complement (`~`) of it
    /// when a pattern ends there.
    ///
    /// Row 0 is the start.
    let rows: [Int32]
    /// Index of the pattern that ends at a node; -1 for none.
    private let hits: [Int32]
    /// Octets from the start to a node.
    private let depths: [Int32]
    private let classCount: Int

    /// Nil when the patterns are larger than `maximum` octets together.
    ///
    /// Empty patterns are left out.
    package init?(_ patterns: [[UInt8]], maximum: Int = PatternSet.maximumOctets) {
        guard patterns.reduce(0, { $0 + $1.count }) <= maximum else { return nil }
        let folded = patterns.map { $0.map(Self.folded) }
        var builder = Builder(folded)
        builder.link()
        classes = builder.classes
        classCount = builder.classCount
        hits = builder.hit
        depths = builder.depth
        rows = builder.next.map { node in
            let row = node * Int32(truncatingIfNeeded: builder.classCount)
            return builder.hit[Int(node)] < 0 ? row : ~row
        }
    }

    /// True when nothing can ever be found.
    package var isEmpty: Bool { hits.count == 1 }

    /// The pattern that ends where `rows` holds this negative value.
    package func pattern(_ mark: Int32) -> Int { Int(hits[Int(~mark) / classCount]) }

    /// How many of the last octets are the beginning of a pattern, at a row.
    package func depth(_ row: Int32) -> Int { row == 0 ? 0 : Int(depths[Int(row) / classCount]) }

    /// Where one octet leads from a row.
    package func next(_ row: Int32, _ byte: UInt8) -> Int32 { rows[Int(row) + Int(classes[Int(byte)])] }

    /// Where up to eight octets lead from a row, the first one lowest; negative at once when a pattern ends.
    package func next(_ start: Int32, _ octets: UInt64, count: Int) -> Int32 {
        var row = start
        for index in 0..<count {
            row = next(row, UInt8(truncatingIfNeeded: octets >> UInt64(8 * index)))
            if row < 0 { break }
        }
        return row
    }

    /// Where octets lead from a row, up to a hit, a `%` or the end; `offset` is left behind the hit, at the `%` or
    /// at the end.
    func walk(_ bytes: RawSpan, from offset: inout Int, row start: Int32) -> Int32 {
        let rows = rows.span
        let classes = classes.span
        var row = start
        while offset < bytes.byteCount {
            let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            if byte == UInt8(ascii: "%") { break }
            offset += 1
            row = rows[Int(row) + Int(classes[Int(byte)])]
            guard row >= 0 else { break }
        }
        return row
    }

    /// Like `walk`, up to a hit, the first octet of an escape (`%`, `\`, `&`) or the end; `filter` is of the same patterns.
    package func walkText(
        _ bytes: RawSpan,
        from offset: inout Int,
        row start: Int32,
        past filter: PairFilter
    ) -> Int32 {
        let rows = rows.span
        let classes = classes.span
        var row = start
        while offset < bytes.byteCount {
            if row == 0 { filter.skip(bytes, from: &offset) }
            let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            if byte == UInt8(ascii: "%") || byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "&") { break }
            offset += 1
            row = rows[Int(row) + Int(classes[Int(byte)])]
            guard row >= 0 else { break }
        }
        return row
    }

    static func folded(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
}

extension PatternSet {
    private struct Builder {
        var classes = [UInt8](repeating: 0, count: 256)
        var classCount = 1
        var next: [Int32] = []
        var hit: [Int32] = []
        var depth: [Int32] = []

        init(_ patterns: [[UInt8]]) {
            for byte in Set(patterns.joined()).sorted() where classCount < 256 {
                classes[Int(byte)] = UInt8(truncatingIfNeeded: classCount)
                classCount += 1
            }
            for upper in UInt8(ascii: "A")...UInt8(ascii: "Z") {
                classes[Int(upper)] = classes[Int(upper | 0x20)]
            }
            _ = addNode(depth: 0)
            for (index, pattern) in patterns.enumerated() where !pattern.isEmpty {
                add(pattern, index: Int32(truncatingIfNeeded: index))
            }
        }

        private mutating func addNode(depth: Int32) -> Int32 {
            next += [Int32](repeating: -1, count: classCount)
            hit.append(-1)
            self.depth.append(depth)
            return Int32(truncatingIfNeeded: hit.count - 1)
        }

        private mutating func add(_ pattern: [UInt8], index: Int32) {
            var node: Int32 = 0
            for byte in pattern {
                let slot = Int(node) * classCount + Int(classes[Int(byte)])
                if next[slot] < 0 {
                    let added = addNode(depth: depth[Int(node)] + 1)
                    next[slot] = added
                }
                node = next[slot]
            }
            if hit[Int(node)] < 0 { hit[Int(node)] = index }
        }

        /// Completes every missing edge with that of the longest proper suffix, breadth first.
        mutating func link() {
            var suffix = [Int32](repeating: 0, count: hit.count)
            var queue: [Int32] = []
            for column in 0..<classCount {
                if next[column] > 0 { queue.append(next[column]) } else { next[column] = 0 }
            }
            var position = 0
            while position < queue.count {
                let node = Int(queue[position])
                let fallback = Int(suffix[node])
                position += 1
                if hit[node] < 0 { hit[node] = hit[fallback] }
                for column in 0..<classCount {
                    let slot = node * classCount + column
                    let other = next[fallback * classCount + column]
                    if next[slot] < 0 {
                        next[slot] = other
                    } else {
                        suffix[Int(next[slot])] = other
                        queue.append(next[slot])
                    }
                }
            }
        }
    }
}
