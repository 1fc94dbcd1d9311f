/// The first octets of a text as a number, the first one highest: two texts with different ones are not the same.
enum LeadingOctets {
    static let most = 8

    static func of(_ text: some Sequence<UInt8>) -> UInt64 {
        var (number, left) = (UInt64(0), most)
        for octet in text.prefix(most) {
            number = number << 8 | UInt64(octet)
            left -= 1
        }
        // Not shifted by 64, where there are none.
        return left == most ? 0 : number << UInt64(8 * left)
    }

    /// What of such a number stands for so many octets.
    static func mask(_ count: Int) -> UInt64 {
        count >= most ? .max : count <= 0 ? 0 : .max << UInt64(8 * (most - count))
    }
}

/// What sets an action apart from most requests: how its method, or its deed's kind, and its path begin.
struct ActionKey: Sendable {
    /// 0 for any.
    private let method: UInt64
    private let path: UInt64
    /// Which octets of the path are the same in every path that it means.
    private let mask: UInt64

    init(method: String?, path glob: PathGlob?) {
        self.method = LeadingOctets.of((method ?? "").utf8)
        let prefix = glob?.prefix ?? []
        (path, mask) = (LeadingOctets.of(prefix), LeadingOctets.mask(prefix.count))
    }

    /// False where the action means no such request.
    func admits(_ sought: SoughtKey) -> Bool {
        (method == sought.method || method == 0 || sought.method == 0)
            && (path ^ sought.path) & mask & sought.mask == 0
    }
}

/// The same of a request, or of one of its deeds.
struct SoughtKey: Sendable {
    /// 0 where it is not known, or where it is nothing that has one.
    fileprivate let method: UInt64
    fileprivate let path: UInt64
    fileprivate let mask: UInt64

    /// Of whatever path.
    init(method: UInt64) {
        (self.method, path, mask) = (method, 0, 0)
    }

    /// Of a path that servers may take for another one, whatever that is: both have to be held against `deny` and `ask`.
    init(method: UInt64, _ readings: PathReadings?) {
        self.method = method
        guard let readings, readings.loose == nil else {
            (path, mask) = (0, 0)
            return
        }
        (path, mask) = (LeadingOctets.of(readings.written.bytes), .max)
    }
}
