import Model
import Wire

extension ClientHello {
    /// Reads the body of a ClientHello message to its last octet (RFC 8446 section 4.1.2).
    package init(body: ArraySlice<UInt8>) throws(TLSFault) {
        var reader = ByteReader(body)
        guard let version = reader.uint16(), reader.take(32) != nil,
            let session = reader.vector8(), session.count <= 32,
            let suites = reader.vector16(), suites.count >= 2, suites.count.isMultiple(of: 2),
            let compression = reader.vector8(), !compression.isEmpty
        else { throw TLSFault("the ClientHello is cut off or has a field of a wrong length") }
        var extensions = Extensions()
        if !reader.isAtEnd {
            guard let block = reader.vector16(), reader.isAtEnd else {
                throw TLSFault("the ClientHello's extensions do not fill its rest")
            }
            try extensions.read(block)
        }
        serverName = extensions.serverName
        applicationProtocols = extensions.applicationProtocols
        supportedVersions = extensions.supportedVersions ?? [version]
        hasEncryptedClientHello = extensions.hasEncryptedClientHello
    }
}

/// The extensions that matter here, of the many that are passed over.
private struct Extensions {
    var serverName: DNSName?
    var applicationProtocols: [String] = []
    var supportedVersions: [UInt16]?
    var hasEncryptedClientHello = false

    mutating func read(_ block: ArraySlice<UInt8>) throws(TLSFault) {
        var reader = ByteReader(block)
        var seen: Set<UInt16> = []
        while !reader.isAtEnd {
            guard let type = reader.uint16(), let content = reader.vector16() else {
                throw TLSFault("an extension of the ClientHello is cut off")
            }
            guard seen.insert(type).inserted else { throw TLSFault("extension \(type) is repeated") }
            guard seen.count <= TLSLimits.extensions else {
                throw TLSFault("the ClientHello has more than \(TLSLimits.extensions) extensions")
            }
            try read(type, content)
        }
    }

    private mutating func read(_ type: UInt16, _ content: ArraySlice<UInt8>) throws(TLSFault) {
        switch type {
        case 0: serverName = try Self.serverName(content)
        case 16: applicationProtocols = try Self.protocols(content)
        case 43: supportedVersions = try Self.versions(content)
        case 0xFE0D, 0xFFCE: hasEncryptedClientHello = true
        default: break
        }
    }

    /// Exactly one entry, of type host_name, that is a DNS name without a trailing dot (RFC 6066 section 3).
    private static func serverName(_ content: ArraySlice<UInt8>) throws(TLSFault) -> DNSName {
        var reader = ByteReader(content)
        guard let list = reader.vector16(), reader.isAtEnd else { throw TLSFault("server_name is malformed") }
        var entries = ByteReader(list)
        guard let type = entries.uint8(), type == 0, let octets = entries.vector16(), entries.isAtEnd else {
            throw TLSFault("server_name does not hold exactly one host name")
        }
        guard octets.last != UInt8(ascii: "."), octets.allSatisfy({ $0 < 0x80 }),
            let name = DNSName(String(decoding: octets, as: Unicode.UTF8.self))
        else { throw TLSFault("the server name is not a DNS name") }
        return name
    }

    private static func protocols(_ content: ArraySlice<UInt8>) throws(TLSFault) -> [String] {
        var reader = ByteReader(content)
        guard let list = reader.vector16(), reader.isAtEnd, !list.isEmpty else {
            throw TLSFault("application_layer_protocol_negotiation is malformed")
        }
        var entries = ByteReader(list)
        var names: [String] = []
        while !entries.isAtEnd {
            guard let name = entries.vector8(), !name.isEmpty else {
                throw TLSFault("application_layer_protocol_negotiation holds an empty or cut off name")
            }
            names.append(String(decoding: name, as: Unicode.UTF8.self))
        }
        return names
    }

    private static func versions(_ content: ArraySlice<UInt8>) throws(TLSFault) -> [UInt16] {
        var reader = ByteReader(content)
        guard let list = reader.vector8(), reader.isAtEnd, !list.isEmpty, list.count.isMultiple(of: 2) else {
            throw TLSFault("supported_versions is malformed")
        }
        var entries = ByteReader(list)
        var versions: [UInt16] = []
        while let version = entries.uint16() { versions.append(version) }
        return versions
    }
}
