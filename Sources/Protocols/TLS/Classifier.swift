package import Wire

/// Tells whether a prefix of a connection opens with a TLS ClientHello.
package enum TLSClassifier {
    /// A handshake record (22) of major version 3, not empty, that begins with a ClientHello (1).
    ///
    /// SSLv2 hellos are no match.
    package static func classify(_ prefix: some Collection<UInt8>) -> Classification {
        let bytes = Array(prefix.prefix(TLSLimits.classified))
        for (index, byte) in bytes.enumerated() {
            switch index {
            case 0 where byte != 22: return .noMatch
            case 1 where byte != 3: return .noMatch
            case 2 where byte > 4: return .noMatch
            case 3 where byte > UInt8(TLSLimits.record >> 8): return .noMatch
            case 5 where byte != 1: return .noMatch
            default: break
            }
        }
        let missing = TLSLimits.classified - bytes.count
        return missing == 0 ? .match : .needsMore(atMost: missing)
    }
}
