package import NIOCore

/// Masks of several secrets, one behind the other, in one stream; more can come while it is under way.
package struct ReflectionChain {
    private var masks: [ReflectionMask]
    /// What a mask that was given up had kept back: it goes through the others.
    private var carried = ByteBuffer()
    private var hadFound = false

    package init(_ spellings: [SecretSpellings]) { masks = spellings.map { ReflectionMask($0) } }

    package var isEmpty: Bool { masks.isEmpty }

    /// Whether anything was masked yet.
    package var hasFound: Bool { hadFound || masks.contains(where: \.hasFound) }

    /// How often one of those that are looked for now was masked.
    var count: Int { masks.reduce(0) { $0 + $1.count } }

    /// Octets of the spelling that has come furthest.
    var depth: Int { masks.map(\.depth).max() ?? 0 }

    /// An escape has begun, and more of it has come than the octet that all texts have now and then.
    var isEscaping: Bool { masks.contains(where: \.isEscaping) }

    /// Octets that are kept back.
    var keptCount: Int { masks.reduce(carried.readableBytes) { $0 + $1.keptCount } }

    /// Looks for more from here on; the first mask is given up for it where there are as many as a host's secrets.
    package mutating func add(_ spellings: SecretSpellings) {
        if masks.count >= ReflectionLimits.ofHost {
            var first = masks.removeFirst()
            hadFound = hadFound || first.hasFound
            var kept = first.finish()
            carried.writeBuffer(&kept)
        }
        masks.append(ReflectionMask(spellings))
    }

    /// Reads on; what can be passed on now, masked.
    package mutating func mask(_ chunk: ByteBuffer) -> ByteBuffer {
        var bytes = chunk
        if carried.readableBytes > 0 {
            bytes = carried
            bytes.writeImmutableBuffer(chunk)
            carried = ByteBuffer()
        }
        for index in masks.indices { bytes = masks[index].mask(bytes) }
        return bytes
    }

    /// The stream is over: what was kept back.
    package mutating func finish() -> ByteBuffer { rest { $0.finish() } }

    /// The same, with no octet of a spelling that has begun, where so many of it have come.
    mutating func finish(hidingFrom telling: Int) -> ByteBuffer { rest { $0.finish(hidingFrom: telling) } }

    /// What was kept back, where others read on at a border: what began there is followed, and masked behind it.
    package mutating func release() -> ByteBuffer { rest { $0.release() } }

    private mutating func rest(_ last: (inout ReflectionMask) -> ByteBuffer) -> ByteBuffer {
        var rest = carried
        carried = ByteBuffer()
        for index in masks.indices {
            rest = masks[index].mask(rest)
            var kept = last(&masks[index])
            rest.writeBuffer(&kept)
        }
        return rest
    }
}
