package import Model

/// Every size and time that this resolver knows, with its source.
package enum DNSLimits {
    /// Octets of a query: what fits an unfragmented datagram (DNS flag day 2020); a real one has 30 to 300.
    package static let query = 1232
    /// Octets of a name on the wire (RFC 1035 section 2.3.4).
    package static let name = 255
    /// Octets of a label (RFC 1035 section 2.3.4).
    package static let label = 63
    /// Additional records that are passed over in a query: OPT and TSIG are the only ones that occur.
    package static let additionalRecords = 4
    /// The UDP payload size that we announce (RFC 6891 section 6.2.3).
    package static let announcedPayload: UInt16 = 1232
    /// Seconds that a synthetic answer may be kept: far shorter than an address takes to be recycled.
    package static let timeToLive: UInt32 = 30
    /// Octets of any response: header, question, one address record, OPT.
    ///
    /// Never truncated even without EDNS0.
    package static let response = 12 + name + 4 + 28 + 11
}

/// A record type, by its number (IANA, DNS Parameters).
package struct DNSRecordType: Sendable, Hashable {
    package let number: UInt16

    package init(_ number: UInt16) {
        self.number = number
    }

    package static let a = DNSRecordType(1)
    package static let opt = DNSRecordType(41)
    package static let aaaa = DNSRecordType(28)
    package static let ixfr = DNSRecordType(251)
    package static let axfr = DNSRecordType(252)
}

/// The outcome of a query (RFC 1035 section 4.1.1, RFC 6891 section 9).
package enum DNSResponseCode: UInt16, Sendable, Hashable {
    case noError = 0
    case formatError = 1
    case serverFailure = 2
    case nameError = 3
    case notImplemented = 4
    case refused = 5
    case badVersion = 16
}

/// One question, and as much of its message as an answer repeats.
package struct DNSQuery: Sendable, Hashable {
    package let id: UInt16
    package let isRecursionDesired: Bool
    package let isCheckingDisabled: Bool
    /// The question section as it came: name in the client's own case (0x20), type, class.
    package let question: [UInt8]
    /// Nil for a name that no host can have (other octets, an all-numeric last label, the root).
    package let name: DNSName?
    package let type: DNSRecordType
    /// 1 is IN.
    package let recordClass: UInt16
    /// The EDNS version asked for; nil without OPT.
    package let ednsVersion: UInt8?
}

/// Bytes that are not a query that can be answered with data.
package enum DNSFault: Error, Sendable, Hashable {
    /// Nothing to answer: no header, or a response.
    case unanswerable
    /// Answered with a code and nothing but the header.
    case code(DNSResponseCode, id: UInt16, opcode: UInt16)
}
