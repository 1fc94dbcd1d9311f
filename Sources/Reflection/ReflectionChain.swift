package import NIOCore

/// Masks of several secrets, one behind the other, in one stream; more can come while it is under way.
package struct ReflectionChain {
    private var masks: [ReflectionMask]
    /// What a mask that was given up had kept back: it goes through those behind the first.
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

    /// Looks for more from here on; where there are as many masks as a host's secrets, the oldest is given up for it but one: the
    /// first is of what the request itself was sent with.
    package mutating func add(_ spellings: SecretSpellings) {
        if masks.count >= ReflectionLimits.ofHost {
            var oldest = masks.remove(at: 1)
            hadFound = hadFound || oldest.hasFound
            var kept = oldest.finish()
            carried.writeBuffer(&kept)
        }
        masks.append(ReflectionMask(spellings))
    }

    /// Reads on; what can be passed on now, masked.
    package mutating func mask(_ chunk: ByteBuffer) -> ByteBuffer {
        var bytes = chunk
        for index in masks.indices {
            bytes = masks[index].mask(bytes)
            if index == 0 { bytes = behindCarried(bytes) }
        }
        return bytes
    }

    /// What was carried, and behind it what the first mask has passed on since.
    private mutating func behindCarried(_ bytes: ByteBuffer) -> ByteBuffer {
        guard carried.readableBytes > 0 else { return bytes }
        var joined = carried
        joined.writeImmutableBuffer(bytes)
        carried = ByteBuffer()
        return joined
    }

    /// The stream is over: what was kept back.
    package mutating func finish() -> ByteBuffer { rest { $0.finish() } }

    /// The same, with no octet of a spelling that has begun, where so many of it have come.
    mutating func finish(hidingFrom telling: Int) -> ByteBuffer { rest { $0.finish(hidingFrom: telling) } }

    /// What was kept back, where others read on at a border: what began there is followed, and masked behind it.
    package mutating func release() -> ByteBuffer { rest { $0.release() } }

    private mutating func rest(_ last: (inout ReflectionMask) -> ByteBuffer) -> ByteBuffer {
        var rest = ByteBuffer()
        for index in masks.indices {
            rest = masks[index].mask(rest)
            var kept = last(&masks[index])
            rest.writeBuffer(&kept)
            if index == 0 { rest = behindCarried(rest) }
        }
        return rest
    }
}
