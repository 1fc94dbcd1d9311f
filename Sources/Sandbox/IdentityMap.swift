internal import Model

/// The ids that a user namespace has (user_namespaces(7)), by their numbers inside.
package struct IdentityMap: Sendable {
    private let ranges: [Range<UInt64>]

    /// From the text of `/proc/self/uid_map` or `gid_map`: lines of first id inside, first id outside, count.
    package init(_ text: String) {
        ranges = text.cut(at: "\n").compactMap { line in
            let numbers = line.cut(at: " ").compactMap { UInt32($0) }
            guard numbers.count == 3 else { return nil }
            return UInt64(numbers[0])..<UInt64(numbers[0]) + UInt64(numbers[2])
        }
    }

    /// Whether all of these are there, in one piece.
    package func covers(_ ids: Range<UInt32>) -> Bool {
        ranges.contains { $0.lowerBound <= UInt64(ids.lowerBound) && UInt64(ids.upperBound) <= $0.upperBound }
    }
}
