internal import Glibc

/// Where the octets stand that can begin an escape: each of them is looked for through a text once.
struct EscapeBeginnings {
    private let octets: [UInt8]
    /// The next place of each, at or behind where one was last asked for; nil before that.
    private var next: [Int?]

    init(_ syntax: EscapeSyntax) {
        octets = syntax.beginnings
        next = octets.map { _ in nil }
    }

    /// Another text follows.
    mutating func start() {
        for number in next.indices { next[number] = nil }
    }

    /// The first octet from a place on that may begin an escape; places never go back.
    mutating func first(in text: RawSpan, from start: Int) -> Int? {
        var first = text.byteCount
        for number in next.indices {
            var place = next[number] ?? -1
            if place < start {
                place = Self.place(of: octets[number], in: text, from: start)
                next[number] = place
            }
            first = min(first, place)
        }
        return first < text.byteCount ? first : nil
    }

    /// memchr(3); the end of the text where there is none.
    private static func place(of octet: UInt8, in text: RawSpan, from start: Int) -> Int {
        guard start < text.byteCount else { return text.byteCount }
        return unsafe text.withUnsafeBytes { text in
            guard let base = text.baseAddress,
                let found = unsafe memchr(base + start, Int32(octet), text.count - start)
            else { return text.count }
            return unsafe UnsafeRawPointer(found) - base
        }
    }
}
