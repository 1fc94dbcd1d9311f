internal import Model

/// An endpoint, hashed once for all levels: its whole name, and what stands behind each of its dots.
struct SoughtEndpoint {
    let endpoint: Endpoint
    /// Of a name; empty for an address.
    fileprivate let octets: [UInt8]
    /// What stands behind each dot, from the last dot to the first, and the whole name last.
    fileprivate let tails: [Tail]

    fileprivate struct Tail {
        let hash: UInt64
        let start: Int
    }

    init(_ endpoint: Endpoint) {
        self.endpoint = endpoint
        guard case .name(let name) = endpoint.host else {
            (octets, tails) = ([], [])
            return
        }
        octets = Array(name.text.utf8)
        var tails: [Tail] = []
        tails.reserveCapacity(8)
        var hash = NameTable.seed(endpoint.scheme, endpoint.port)
        for index in octets.indices.reversed() {
            if octets[index] == UInt8(ascii: ".") { tails.append(Tail(hash: hash, start: index + 1)) }
            hash = NameTable.hash(hash, octets[index])
        }
        tails.append(Tail(hash: hash, start: 0))
        self.tails = tails
    }
}

/// Patterns of names by scheme, port and name, found by the name's octets from behind (FNV-1a), in a table with open
/// places; what is found is compared.
///
/// Nothing in it is reference-counted: it is asked at every level of every decision.
struct NameTable: Sendable {
    /// What stands in front of a pattern's name.
    private enum Labels {
        case none
        case one
        case any
    }

    private struct Entry {
        var hash: UInt64 = 0
        /// The pattern's place; -1 where the entry is open.
        var pattern: Int32 = -1
        var labels = Labels.none
        var scheme = Scheme.tcp
        var port: UInt16 = 0
        /// The name, among the octets of all.
        var start = 0
        var count = 0
    }

    /// Twice as many as patterns at least; a power of two.
    private let entries: [Entry]
    private let octets: [UInt8]
    private let hasSuffixes: Bool

    /// Leaves out those of addresses and networks.
    init(_ patterns: [HostPattern]) {
        var size = 4
        while size < 2 * patterns.count { size *= 2 }
        var entries = [Entry](repeating: Entry(), count: size)
        var (octets, hasSuffixes): ([UInt8], Bool) = ([], false)
        for (place, pattern) in patterns.enumerated() {
            guard let (name, labels) = Self.parts(of: pattern) else { continue }
            var entry = Entry(pattern: Int32(truncatingIfNeeded: place), labels: labels)
            (entry.scheme, entry.port) = (pattern.scheme, pattern.port)
            (entry.start, entry.count) = (octets.count, name.text.utf8.count)
            entry.hash = name.text.utf8.reversed().reduce(Self.seed(pattern.scheme, pattern.port), Self.hash)
            octets += name.text.utf8
            hasSuffixes = hasSuffixes || labels != .none
            var index = Int(truncatingIfNeeded: entry.hash) & (size - 1)
            while entries[index].pattern >= 0 { index = (index + 1) & (size - 1) }
            entries[index] = entry
        }
        (self.entries, self.octets, self.hasSuffixes) = (entries, octets, hasSuffixes)
    }

    /// Whether a pattern is one of names.
    static func holds(_ pattern: HostPattern) -> Bool { parts(of: pattern) != nil }

    private static func parts(of pattern: HostPattern) -> (name: DNSName, labels: Labels)? {
        switch pattern.hosts {
        case .name(let name): (name, .none)
        case .oneLabel(let suffix): (suffix, .one)
        case .anyLabels(let suffix): (suffix, .any)
        case .address, .network: nil
        }
    }

    fileprivate static func seed(_ scheme: Scheme, _ port: UInt16) -> UInt64 {
        let number: UInt8 =
            switch scheme {
            case .http: 0
            case .https: 1
            case .tls: 2
            case .tcp: 3
            case .postgres: 4
            }
        return hash(
            hash(hash(0xCBF2_9CE4_8422_2325, number), UInt8(truncatingIfNeeded: port)),
            UInt8(truncatingIfNeeded: port >> 8)
        )
    }

    fileprivate static func hash(_ hash: UInt64, _ octet: UInt8) -> UInt64 {
        (hash ^ UInt64(octet)) &* 0x0000_0100_0000_01B3
    }

    /// Calls `body` with the place of each pattern that matches; of an address none does.
    func forEachMatch(of sought: borrowing SoughtEndpoint, _ body: (Int) -> Void) {
        let last = sought.tails.count - 1
        guard last >= 0 else { return }
        for number in (hasSuffixes ? 0 : last)...last {
            let tail = sought.tails[number]
            var index = Int(truncatingIfNeeded: tail.hash) & (entries.count - 1)
            while entries[index].pattern >= 0 {
                if entries[index].hash == tail.hash,
                    Self.takes(entries[index].labels, inFront: last - number),
                    names(entries[index], tail, of: sought)
                {
                    body(Int(entries[index].pattern))
                }
                index = (index + 1) & (entries.count - 1)
            }
        }
    }

    /// Whether so many labels may stand in front.
    private static func takes(_ labels: Labels, inFront count: Int) -> Bool {
        switch labels {
        case .none: count == 0
        case .one: count == 1
        case .any: count > 0
        }
    }

    private func names(
        _ entry: Entry,
        _ tail: SoughtEndpoint.Tail,
        of sought: borrowing SoughtEndpoint
    ) -> Bool {
        guard entry.scheme == sought.endpoint.scheme, entry.port == sought.endpoint.port,
            entry.count == sought.octets.count - tail.start
        else { return false }
        for offset in 0..<entry.count
        where octets[entry.start + offset] != sought.octets[tail.start + offset] { return false }
        return true
    }
}
