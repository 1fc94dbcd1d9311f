package import NIOCore
internal import Wire

/// Masks a secret in one stream, in every spelling and across any chunk borders.
///
/// Two places in the set of spellings are kept: where the octets as they are have led, and where those have that
/// escapes stand for; between escapes they are mostly one. What the end of a chunk leaves in doubt (the beginning
/// of a spelling, or of an escape) is kept back, and nothing else: at most the longest spelling, escaped. What is
/// put in its place has the same length.
package struct ReflectionMask {
    /// An escape that has been undone, in octets of the stream.
    private struct Escape {
        let start: Int
        let end: Int
        /// What it stood for.
        let octets: Int
    }

    private struct Find {
        let range: Range<Int>
        let filler: UInt8
    }

    private let spellings: SecretSpellings
    private var raw: Int32 = 0
    private var decoded: Int32 = 0
    /// An escape that has begun.
    private var begun = EscapedOctets.Octets()
    private var escapes: [Escape] = []
    private var finds: [Find] = []
    /// Kept back, with what is known to be masked in it; it begins at `base` of the stream, which is read up to `end`.
    private var held = ByteBuffer()
    private var base = 0
    private var end = 0
    /// Whether anything was masked yet.
    package var hasFound: Bool { count > 0 }
    /// How often it was masked; what lies over something else that was counts once.
    private(set) var count = 0
    /// Up to where that was counted.
    private var counted = 0

    package init(_ spellings: SecretSpellings) {
        self.spellings = spellings
    }

    /// Reads on; what can be passed on now, masked.
    package mutating func mask(_ chunk: ByteBuffer) -> ByteBuffer {
        var bytes = chunk
        if held.readableBytes > 0 {
            bytes = held
            bytes.writeImmutableBuffer(chunk)
        }
        scan(chunk.readableBytesSpan)
        fill(&bytes)
        let kept = keptFrom
        let released = bytes.readSlice(length: kept - base) ?? ByteBuffer()
        base = kept
        // A copy: with a slice the chunk's whole storage would be kept (`ByteBuffer.releaseIfRead`).
        held = ByteBuffer(bytes: bytes.readableBytesView)
        escapes.removeAll { $0.end <= base }
        return released
    }

    /// The stream is over: what was kept back.
    package mutating func finish() -> ByteBuffer {
        defer { held = ByteBuffer() }
        return held
    }

    /// What was kept back, where others read on at a border: what began there is followed, and masked behind it.
    package mutating func release() -> ByteBuffer {
        defer {
            held = ByteBuffer()
            base = end
        }
        return held
    }

    /// Octets of a spelling that has begun, as far as it has come; none where all that is kept back is masked.
    var depth: Int {
        max(
            end > counted ? spellings.set.depth(raw) : 0,
            end - begun.count > counted ? spellings.set.depth(decoded) : 0
        )
    }

    /// An escape has begun, and more of it has come than the octet that all texts have now and then.
    var isEscaping: Bool { begun.count > 1 }

    /// Octets that are kept back.
    var keptCount: Int { held.readableBytes }

    /// The same, with no octet of a spelling that has begun, where so many of it have come.
    mutating func finish(hidingFrom telling: Int) -> ByteBuffer {
        guard depth >= telling else { return finish() }
        let begun = min(held.readableBytes, max(0, end - max(base, counted)))
        held.moveWriterIndex(to: held.writerIndex - begun)
        held.writeRepeatingByte(UInt8(ascii: "*"), count: begun)
        return finish()
    }

    /// A whole text, masked; nil when there was nothing to mask.
    package static func masked(_ text: String, _ spellings: SecretSpellings) -> String? {
        var mask = ReflectionMask(spellings)
        unsafe mask.scan(text.utf8.span.bytes)
        guard mask.hasFound else { return nil }
        var bytes = ByteBuffer(string: text)
        mask.fill(&bytes)
        return String(buffer: bytes)
    }

    private mutating func fill(_ bytes: inout ByteBuffer) {
        guard !finds.isEmpty else { return }
        for find in finds {
            let start = bytes.readerIndex - base
            let lower = max(find.range.lowerBound, base)
            Filling.fill(&bytes, start + lower..<start + find.range.upperBound, with: find.filler)
        }
        finds.removeAll(keepingCapacity: true)
    }

    /// Where the first octet stands that a spelling could still begin with.
    private var keptFrom: Int {
        let read = end - begun.count
        return max(
            base,
            min(end - spellings.set.depth(raw), start(ofLast: spellings.set.depth(decoded), before: read))
        )
    }

    private mutating func scan(_ bytes: RawSpan) {
        // Once for all octets: each use of a class's own copies it.
        let (set, filter) = (spellings.set, spellings.filter)
        let before = end
        var offset = 0
        while offset < bytes.byteCount {
            guard begun.count == 0 else {
                step(bytes, &offset, before, set)
                continue
            }
            if raw == decoded {
                let row = set.walkText(bytes, from: &offset, row: raw, past: filter)
                end = before + offset
                raw = row < 0 ? ~row : row
                decoded = raw
                if row < 0 { found(row, before: end) } else { meetEscape(bytes, &offset, before, set) }
            } else {
                meetEscape(bytes, &offset, before, set)
            }
        }
    }

    /// Mostly at `%`, `\` or `&`, in the midst of a chunk: mostly that is no escape, and then an octet like any other.
    private mutating func meetEscape(_ bytes: RawSpan, _ offset: inout Int, _ before: Int, _ set: PatternSet)
    {
        guard offset < bytes.byteCount else { return }
        guard bytes.byteCount - offset >= EscapedOctets.maximumLength else {
            return step(bytes, &offset, before, set)
        }
        let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian
        let text = EscapedOctets.Octets(word: word, count: EscapedOctets.maximumLength)
        guard case .whole(let length, let octets, let count) = EscapedOctets.read(text) else {
            offset += 1
            end = before + offset
            return plain(text[0], set)
        }
        let asItIs = set.next(raw, word, count: length)
        if asItIs >= 0, set.next(decoded, UInt64(octets), count: count) == 0 {
            // No spelling goes on in what it stands for, as in nearly all.
            (raw, decoded) = (asItIs, 0)
            escapes.removeAll(keepingCapacity: true)
            offset += length
            end = before + offset
            return
        }
        for _ in 0..<length { step(bytes, &offset, before, set) }
    }

    /// One octet that stands for itself.
    private mutating func plain(_ byte: UInt8, _ set: PatternSet) {
        guard raw == decoded else {
            advanceRaw(byte, set)
            return advance(byte, before: end, set)
        }
        let row = set.next(raw, byte)
        raw = row < 0 ? ~row : row
        decoded = raw
        if row < 0 { found(row, before: end) }
    }

    /// One octet, both ways.
    private mutating func step(_ bytes: RawSpan, _ offset: inout Int, _ before: Int, _ set: PatternSet) {
        let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
        offset += 1
        end = before + offset
        advanceRaw(byte, set)
        begun.append(byte)
        while begun.count > 0 {
            switch EscapedOctets.read(begun) {
            case .partial:
                return
            case .none:
                let first = begun[0]
                begun.removeFirst()
                advance(first, before: end - begun.count, set)
            case .whole(let length, let octets, let count):
                let place = end - begun.count
                begun.removeFirst(length)
                escapes.append(Escape(start: place, end: place + length, octets: count))
                for index in 0..<count {
                    let octet = UInt8(truncatingIfNeeded: octets >> UInt32(8 * index))
                    advance(octet, before: place + length, set)
                }
                if decoded == 0 { escapes.removeAll(keepingCapacity: true) }
            }
        }
    }

    private mutating func advanceRaw(_ byte: UInt8, _ set: PatternSet) {
        raw = set.next(raw, byte)
        guard raw < 0 else { return }
        found(raw, before: end, asItIs: true)
        raw = ~raw
    }

    private mutating func advance(_ octet: UInt8, before place: Int, _ set: PatternSet) {
        decoded = set.next(decoded, octet)
        guard decoded < 0 else { return }
        found(decoded, before: place)
        decoded = ~decoded
    }

    private mutating func found(_ mark: Int32, before place: Int, asItIs: Bool = false) {
        let pattern = spellings.set.pattern(mark)
        guard spellings.lengths.indices.contains(pattern) else { return }
        let length = spellings.lengths[pattern]
        let start = asItIs ? place - length : min(place - length, start(ofLast: length, before: place))
        if start >= counted { count += 1 }
        counted = max(counted, place)
        finds.append(Find(range: start..<place, filler: spellings.fillers[pattern]))
    }

    /// Where the last so many octets that the stream stands for begin in it.
    private func start(ofLast octets: Int, before place: Int) -> Int {
        var left = octets
        var place = place
        for escape in escapes.reversed() where escape.end <= place {
            guard left > place - escape.end else { break }
            left -= place - escape.end
            place = escape.start
            guard left > escape.octets else { return place }
            left -= escape.octets
        }
        return place - left
    }
}
