/// What a glob means, by trying and going back: the oracle that the linear matcher is held against.
enum BacktrackingMatcher {
    static func matches(glob: String, path: String) -> Bool {
        matches(segments(of: glob), segments(of: path))
    }

    static func matches(word glob: String, _ word: String) -> Bool {
        var steps = 0
        return matches(Array(glob.utf8)[...], Array(word.utf8)[...], &steps)
    }

    /// What one match takes.
    static func steps(word glob: String, _ word: String) -> Int {
        var steps = 0
        _ = matches(Array(glob.utf8)[...], Array(word.utf8)[...], &steps)
        return steps
    }

    private static func segments(of text: String) -> [ArraySlice<UInt8>] {
        Array(text.utf8).dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    }

    private static func matches(_ segments: [ArraySlice<UInt8>], _ path: [ArraySlice<UInt8>]) -> Bool {
        var next = 0
        var position = 0
        var retry: (glob: Int, path: Int)?
        while position < path.count {
            if next < segments.count, segments[next].elementsEqual("**".utf8) {
                retry = (next + 1, position)
                next += 1
            } else if next < segments.count, matches(segment: segments[next], path[position]) {
                next += 1
                position += 1
            } else if let last = retry {
                retry = (last.glob, last.path + 1)
                next = last.glob
                position = last.path + 1
            } else {
                return false
            }
        }
        return segments[next...].allSatisfy { $0.elementsEqual("**".utf8) }
    }

    private static func matches(segment glob: ArraySlice<UInt8>, _ segment: ArraySlice<UInt8>) -> Bool {
        var steps = 0
        return glob.elementsEqual("*".utf8) ? !segment.isEmpty : matches(glob, segment, &steps)
    }

    private static func matches(
        _ pattern: ArraySlice<UInt8>,
        _ text: ArraySlice<UInt8>,
        _ steps: inout Int
    ) -> Bool {
        let star = UInt8(ascii: "*")
        var next = pattern.startIndex
        var position = text.startIndex
        var retry: (pattern: Int, text: Int)?
        while position < text.endIndex {
            steps += 1
            if next < pattern.endIndex, pattern[next] == star {
                retry = (next + 1, position)
                next += 1
            } else if next < pattern.endIndex, pattern[next] == text[position] {
                next += 1
                position += 1
            } else if let last = retry {
                retry = (last.pattern, last.text + 1)
                next = last.pattern
                position = last.text + 1
            } else {
                return false
            }
        }
        return pattern[next...].allSatisfy { $0 == star }
    }
}
