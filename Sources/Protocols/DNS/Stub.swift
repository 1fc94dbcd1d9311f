package import Model

/// Answers an agent's queries out of nothing: every name has an address, no name is looked up, and no record but
/// A and AAAA exists (no HTTPS or SVCB that would bring ECH keys or HTTP/3, no TXT that would carry data).
package enum DNSStub {
    /// What came of one message.
    package struct Outcome: Sendable, Hashable {
        /// The response; nil when there must be none.
        package let response: [UInt8]?
        package let code: DNSResponseCode?
        /// The name asked for, for the record; nil when none could be read.
        package let name: DNSName?
        package let type: DNSRecordType?
    }

    /// Answers one datagram, or one message of a stream without its length; of a name that is not known, that there is none.
    package static func answer(
        _ message: [UInt8],
        from addresses: inout SyntheticAddresses,
        knowing isKnown: (DNSName) -> Bool = { _ in true }
    ) -> Outcome {
        let query: DNSQuery
        do {
            query = try DNSQuery(message)
        } catch {
            var code: DNSResponseCode?
            if case .code(let known, _, _) = error { code = known }
            return Outcome(response: DNSResponse.encoded(error), code: code, name: nil, type: nil)
        }
        let (code, address) = resolve(query, &addresses, isKnown)
        return Outcome(
            response: DNSResponse.encoded(code, to: query, address: address),
            code: code,
            name: query.name,
            type: query.type
        )
    }

    private static func resolve(
        _ query: DNSQuery,
        _ addresses: inout SyntheticAddresses,
        _ isKnown: (DNSName) -> Bool
    ) -> (DNSResponseCode, IPAddress?) {
        guard (query.ednsVersion ?? 0) == 0 else { return (.badVersion, nil) }
        guard query.recordClass == 1, query.type != .axfr, query.type != .ixfr else { return (.refused, nil) }
        guard let family = family(query.type) else { return (.noError, nil) }
        guard let name = query.name else { return (.nameError, nil) }
        if name.labels.last == "localhost" { return (.noError, loopback(family)) }
        // RFC 8375, RFC 6761, RFC 7686: names that mean something inside a network only, or nothing.
        guard !["invalid", "arpa"].contains(name.labels.last) else { return (.nameError, nil) }
        guard isKnown(name) else { return (.nameError, nil) }
        guard let address = addresses.address(for: name, family) else { return (.serverFailure, nil) }
        return (.noError, address)
    }

    private static func family(_ type: DNSRecordType) -> IPAddress.Family? {
        switch type {
        case .a: .v4
        case .aaaa: .v6
        default: nil
        }
    }

    /// RFC 6761 section 6.3.
    private static func loopback(_ family: IPAddress.Family) -> IPAddress {
        switch family {
        case .v4: IPAddress(v4: 0x7F00_0001)
        case .v6: IPAddress(v6High: 0, low: 1)
        }
    }
}
