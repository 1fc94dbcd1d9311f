internal import Model
internal import NIOCore

extension IPAddress {
    /// The address of a socket address; nil for a Unix socket.
    ///
    /// IPv4-mapped becomes IPv4.
    init?(socket: SocketAddress) {
        guard let text = socket.ipAddress else { return nil }
        self.init(text)
    }

    /// The socket address of this address and a port.
    func socketAddress(port: UInt16) throws -> SocketAddress {
        try SocketAddress(packedIPAddress: ByteBuffer(bytes: bytes), port: Int(port))
    }
}
