internal import Model

/// A glob over a normalised absolute URL path.
///
/// `*` stands for any run of bytes within a segment, and as a whole segment for one that is not empty; `**` is a
/// whole segment and stands for any number of segments, none included: `/a/**` matches `/a`, `/a/` and `/a/b/c`.
package struct PathGlob: Sendable, Hashable {
    /// One segment of the pattern.
    enum Segment: Sendable {
        /// `**`.
        case anySegments
        /// `*`.
        case oneSegment
        case text(StarredText)
    }

    fileprivate let parts: Parts

    /// A class: a pattern is passed about at every decision, not copied.
    fileprivate final class Parts: Sendable {
        let glob: GlobBytes
        let segments: [Segment]
        /// Bytes that every path begins with which the glob stands for.
        let prefix: Int
        /// The places of the first `**` and the last, and the segments between two of them; nil without any.
        let doors: (first: Int, last: Int, between: [Range<Int>])?
        let cost: Int

        init(_ bytes: [UInt8]) {
            segments = PathGlob.segments(of: bytes)
            let searched = segments.compactMap(\.starred).filter { $0.searches(in: bytes) }
            glob = GlobBytes(bytes, pieces: searched.compactMap(\.stars))
            prefix = PathGlob.prefix(of: bytes)
            doors = PathGlob.doors(of: segments)
            cost = GlobShape(segments, searches: !searched.isEmpty, length: bytes.count).cost
        }
    }

    /// Bytes of a pattern; servers commonly refuse request lines over 8 KiB, and a reviewed pattern is far shorter.
    package static let maximumLength = 1024
    /// Bytes of a path that is decided on: what the gateway reads of a request target (`HTTPLimits.target`).
    package static let maximumPath = 8192

    /// `/**`: every path.
    package static let everything = PathGlob(bytes: Array("/**".utf8))

    /// Nil for a text that is not a path pattern; `problem(in:)` says why.
    package init?(_ text: String) {
        guard Self.problem(in: text) == nil else { return nil }
        self.init(bytes: Array(text.utf8))
    }

    private init(bytes: [UInt8]) { parts = Parts(bytes) }

    /// The same for several paths with so many octets together.
    func cost(paths: Int, octets: Int) -> Int {
        let fixed = 4 * bytes.count
        let perByte = (cost - fixed) / Self.maximumPath
        return min(paths * fixed, 4 * octets) + octets * perByte
    }

    package static func == (left: PathGlob, right: PathGlob) -> Bool { left.parts.glob == right.parts.glob }

    package func hash(into hasher: inout Hasher) { hasher.combine(parts.glob) }

    package var text: String { String(decoding: bytes, as: UTF8.self) }

    var bytes: [UInt8] { parts.glob.bytes }

    var segments: [Segment] { parts.segments }

    /// What every path begins with that it stands for.
    var prefix: ArraySlice<UInt8> { bytes[..<parts.prefix] }

    /// What one match costs at most, in steps over single bytes, for paths of `maximumPath`.
    package var cost: Int { parts.cost }

    private static func segments(of bytes: [UInt8]) -> [Segment] {
        bytes.indices.dropFirst().split(omittingEmptySubsequences: false) { bytes[$0] == UInt8(ascii: "/") }
            .map { range in
                switch bytes[range] {
                case let segment where segment.elementsEqual("**".utf8): .anySegments
                case let segment where segment.elementsEqual("*".utf8): .oneSegment
                default: .text(StarredText(range, of: bytes))
                }
            }
    }

    private static func doors(of segments: [Segment]) -> (first: Int, last: Int, between: [Range<Int>])? {
        let places = segments.indices.filter { segments[$0].isAnySegments }
        guard let first = places.first, let last = places.last else { return nil }
        let between = zip(places, places.dropFirst()).map { ($0 + 1)..<$1 }
        return (first, last, between.filter { !$0.isEmpty })
    }

    /// Up to the first star; the slash in front of `**` is not always there.
    private static func prefix(of bytes: [UInt8]) -> Int {
        guard let star = bytes.firstIndex(of: StarredText.star) else { return bytes.count }
        return bytes[star...].starts(with: "**".utf8) ? star - 1 : star
    }
}

extension PathGlob {
    /// Whether the path is one that the glob stands for; `steps` grows by what it took.
    func matches(_ path: SegmentedPath, _ steps: inout Int) -> Bool { parts.matches(path, &steps) }
}

extension PathGlob.Parts {
    fileprivate func matches(_ path: SegmentedPath, _ steps: inout Int) -> Bool {
        steps += segments.count
        guard path.begins(with: glob.bytes[..<prefix], &steps) else { return false }
        guard let doors else {
            return path.count == segments.count && matches(segments.indices, path, at: 0, &steps)
        }
        let last = (doors.last + 1)..<segments.count
        let end = path.count - last.count
        guard end >= doors.first, matches(0..<doors.first, path, at: 0, &steps),
            matches(last, path, at: end, &steps)
        else { return false }
        var next = doors.first
        for group in doors.between {
            // The first place is the best one: it leaves most for what follows.
            while next + group.count <= end, !matches(group, path, at: next, &steps) { next += 1 }
            next += group.count
            guard next <= end else { return false }
        }
        return true
    }

    private func matches(
        _ group: Range<Int>,
        _ path: SegmentedPath,
        at place: Int,
        _ steps: inout Int
    ) -> Bool {
        var place = place
        for index in group {
            steps += 1
            let range = path.ranges[place]
            switch segments[index] {
            case .anySegments: return false
            case .oneSegment: if range.isEmpty { return false }
            case .text(let text):
                guard text.matches(path.bytes, range, of: glob, &steps) else { return false }
            }
            place += 1
        }
        return true
    }
}

extension PathGlob.Segment {
    var starred: StarredText? {
        switch self {
        case .text(let text): text
        case .anySegments, .oneSegment: nil
        }
    }

    var isAnySegments: Bool {
        switch self {
        case .anySegments: true
        case .oneSegment, .text: false
        }
    }
}

/// What a match of a glob may cost, by what it is made of.
///
/// Segments before the first `**` and behind the last have one place, and cost their own bytes. Those between two `**`
/// are tried at each place, each against segments that together are the path. Text between two stars of a segment is
/// searched for, once through the path.
private struct GlobShape {
    let cost: Int

    init(_ segments: [PathGlob.Segment], searches: Bool, length: Int) {
        let groups = segments.split(omittingEmptySubsequences: false) { $0.isAnySegments }
        let passes = groups.dropFirst().dropLast().map(\.count).max() ?? 0
        // Reading a segment where it stands takes a step for each of its bytes at most, and one for its slash; where it
        // has stars, what is between them is looked up as well, and searched for.
        let perByte = passes * (searches ? 4 : 2) + (searches ? 4 : 0)
        cost = 4 * length + PathGlob.maximumPath * perByte
    }
}
