package import Model

/// Writes answers.
package enum DNSResponse {
    /// The answer to a query: at most one address record, the question as it came, OPT if there was one.
    package static func encoded(
        _ code: DNSResponseCode,
        to query: DNSQuery,
        address: IPAddress? = nil
    ) -> [UInt8] {
        var bytes = header(
            id: query.id,
            flags: 0x8080 | (query.isRecursionDesired ? 0x0100 : 0) | (query.isCheckingDisabled ? 0x0010 : 0)
                | code.rawValue & 15,
            counts: [1, address == nil ? 0 : 1, 0, query.ednsVersion == nil ? 0 : 1]
        )
        bytes += query.question
        if let address { bytes += record(address) }
        if query.ednsVersion != nil { bytes += options(code) }
        return bytes
    }

    /// The answer to bytes that are no query: a header alone; nil when there must be none.
    package static func encoded(_ fault: DNSFault) -> [UInt8]? {
        switch fault {
        case .unanswerable: nil
        case .code(let code, let id, let opcode):
            header(id: id, flags: 0x8000 | opcode << 11 | code.rawValue & 15, counts: [0, 0, 0, 0])
        }
    }

    private static func header(id: UInt16, flags: UInt16, counts: [UInt16]) -> [UInt8] {
        ([id, flags] + counts).flatMap(octets)
    }

    /// Owner is a pointer to the question's name, which stands behind the header (RFC 1035 section 4.1.4).
    private static func record(_ address: IPAddress) -> [UInt8] {
        let type = address.family == .v4 ? DNSRecordType.a : .aaaa
        let data = address.bytes
        let ttl = DNSLimits.timeToLive
        return octets(0xC00C) + octets(type.number) + octets(1)
            + octets(UInt16(truncatingIfNeeded: ttl >> 16)) + octets(UInt16(truncatingIfNeeded: ttl))
            + octets(UInt16(truncatingIfNeeded: data.count)) + data
    }

    /// OPT: root, our payload size, the upper bits of the code, version 0, no option (RFC 6891 section 6.1).
    private static func options(_ code: DNSResponseCode) -> [UInt8] {
        [0] + octets(DNSRecordType.opt.number) + octets(DNSLimits.announcedPayload)
            + [UInt8(truncatingIfNeeded: code.rawValue >> 4), 0, 0, 0, 0, 0]
    }

    private static func octets(_ value: UInt16) -> [UInt8] {
        [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)]
    }
}
