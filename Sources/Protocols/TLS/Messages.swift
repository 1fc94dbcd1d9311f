package import Model

/// What a ClientHello says before anything is encrypted (RFC 8446 section 4.1.2).
package struct ClientHello: Sendable, Hashable {
    /// `server_name` (RFC 6066 section 3); nil without the extension.
    ///
    /// There is no default.
    package let serverName: DNSName?
    /// `application_layer_protocol_negotiation` (RFC 7301), in the client's order.
    package let applicationProtocols: [String]
    /// `supported_versions`, or the legacy version alone without it; GREASE values (RFC 8701) included.
    package let supportedVersions: [UInt16]
    /// An `encrypted_client_hello` extension is there.
    ///
    /// Real or GREASE cannot be told apart: `serverName` is the outer one, and the gateway that answers
    /// with its own key makes the client fall back to it.
    package let hasEncryptedClientHello: Bool

    /// TLS 1.2 (0x0303) or TLS 1.3 (0x0304) is offered.
    package var offersCurrentVersion: Bool { supportedVersions.contains { $0 == 0x0303 || $0 == 0x0304 } }
}

/// Why bytes are not a ClientHello that can be relied on.
package struct TLSFault: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) {
        self.message = message
    }

    package var description: String { message }
}

/// Every size that is read from the wire, with its source.
package enum TLSLimits {
    /// Octets of a plaintext record's fragment (RFC 8446 section 5.1).
    package static let record = 16_384
    /// Octets of a ClientHello: the default bound of BoringSSL and OpenSSL on a handshake message.
    ///
    /// A hello with a post-quantum key share has about 1.8 KiB.
    package static let hello = 16_384
    /// Octets on the wire until the hello is complete, record headers included: four octets of content for each
    /// five of header and more is no fragmentation that any client does.
    package static let wire = 65_536
    /// Extensions of one hello; browsers send about 20, the registry has some 60.
    package static let extensions = 128
    /// Octets that tell TLS from everything else: type, version and length of a record, type of a message.
    package static let classified = 6
}
