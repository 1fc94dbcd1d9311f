package import Model
import NIOCore
import Wire

/// The placeholders to watch for, in every spelling that is looked for: as they are (in either case), in
/// base64 at any alignment, and both percent-encoded.
///
/// Built once for a supervisor, shared by all connections.
package struct PlaceholderPatterns: Sendable {
    package let placeholders: [Placeholder]
    let set: PatternSet
    /// Index into `placeholders` for each pattern of the set.
    private let owners: [Int]

    /// Base64 traces shorter than this would be found in ordinary text by chance.
    private static let minimumTrace = 10

    /// Nil when there are more than `PatternSet` takes, or an empty one: they could not be watched for.
    package init?(_ placeholders: [Placeholder]) {
        var patterns: [[UInt8]] = []
        var owners: [Int] = []
        for (index, placeholder) in placeholders.enumerated() {
            let value = Array(placeholder.value.utf8)
            guard !value.isEmpty else { return nil }
            let traces = Base64.tracesOf(value).filter { $0.count >= Self.minimumTrace }
            patterns += [value] + traces
            owners += [Int](repeating: index, count: traces.count + 1)
        }
        guard let set = PatternSet(patterns) else { return nil }
        self.placeholders = placeholders
        self.set = set
        self.owners = owners
    }

    /// The placeholder that a pattern of the set belongs to.
    func owner(_ pattern: Int) -> Placeholder? {
        owners.indices.contains(pattern) ? placeholders[owners[pattern]] : nil
    }

    /// The first placeholder anywhere in a whole text.
    func find(in text: String) -> Placeholder? {
        guard !set.isEmpty else { return nil }
        var scanner = PatternScanner(set)
        return scanner.scan(text).flatMap(owner)
    }

    /// The placeholder that a text is, whatever its case.
    func whole(_ text: some StringProtocol) -> Placeholder? {
        let folded = Octets.lowercased(text)
        return placeholders.first { Octets.lowercased($0.value) == folded }
    }
}

/// Watches one body for placeholders across chunk borders.
struct PlaceholderScan: Sendable {
    private let patterns: PlaceholderPatterns
    private var scanner: PatternScanner

    init(_ patterns: PlaceholderPatterns) {
        self.patterns = patterns
        scanner = PatternScanner(patterns.set)
    }

    /// The first placeholder that ends in these bytes.
    mutating func scan(_ bytes: ByteBuffer) -> Placeholder? { scanner.scan(bytes).flatMap(patterns.owner) }
}
