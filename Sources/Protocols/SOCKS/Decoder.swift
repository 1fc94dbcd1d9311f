import Model
import NIOCore

/// Reads the two messages of a client (RFC 1928 sections 3 and 4); nil while one is not whole.
enum SOCKSReader {
    /// Whether the methods that a client offers have the one without authentication.
    static func greeting(_ bytes: inout ByteBuffer) throws(SOCKSFault) -> Bool? {
        let start = bytes.readerIndex
        guard let version = bytes.getInteger(at: start, as: UInt8.self) else { return nil }
        try check(version)
        guard let count = bytes.getInteger(at: start + 1, as: UInt8.self),
            let methods = bytes.getBytes(at: start + 2, length: Int(count))
        else { return nil }
        bytes.moveReaderIndex(forwardBy: 2 + methods.count)
        return methods.contains(0)
    }

    /// Where a client wants to be connected to.
    static func request(_ bytes: inout ByteBuffer) throws(SOCKSFault) -> (Host, port: UInt16)? {
        let start = bytes.readerIndex
        guard let head = bytes.getBytes(at: start, length: 4) else { return nil }
        try check(head[0])
        guard head[1] == 1 else {
            throw SOCKSFault(
                .commandNotSupported,
                .unsupported,
                "SOCKS command \(head[1]) is not supported, only CONNECT (1)",
                remedy: "Connect by TCP: nothing is bound or relayed by UDP for an agent."
            )
        }
        let (place, length) = (start + 4, try length(of: head[3], at: start + 4, bytes))
        guard let length, let address = bytes.getBytes(at: place, length: length),
            let port = bytes.getInteger(at: place + length, as: UInt16.self)
        else { return nil }
        guard port != 0, let host = host(head[3], address) else {
            throw SOCKSFault(
                .generalFailure,
                .malformed,
                "the SOCKS request names no host and port that can be connected to",
                remedy: "Send a DNS name in A-labels or an address, and a port."
            )
        }
        bytes.moveReaderIndex(forwardBy: 4 + length + 2)
        return (host, port)
    }

    private static func check(_ version: UInt8) throws(SOCKSFault) {
        guard version == 5 else {
            throw SOCKSFault(
                .generalFailure,
                .malformed,
                "the SOCKS message is not of version 5",
                remedy: "Use SOCKS5, as socks5h://."
            )
        }
    }

    /// Octets of an address; nil while a name's length has not come.
    private static func length(
        of type: UInt8,
        at place: Int,
        _ bytes: ByteBuffer
    ) throws(SOCKSFault) -> Int? {
        switch type {
        case 1: 4
        case 3: bytes.getInteger(at: place, as: UInt8.self).map { 1 + Int($0) }
        case 4: 16
        default:
            throw SOCKSFault(
                .addressTypeNotSupported,
                .malformed,
                "the SOCKS request has an address of type \(type), which there is none of",
                remedy: "Send a DNS name (3), an IPv4 (1) or an IPv6 address (4)."
            )
        }
    }

    /// A name may be an address, as curl writes it; anything that is neither, a NUL in it for one, is nothing (C17).
    private static func host(_ type: UInt8, _ address: [UInt8]) -> Host? {
        guard type == 3 else { return IPAddress(bytes: address).map { .address($0) } }
        let text = String(decoding: address.dropFirst(), as: UTF8.self)
        return IPAddress(text).map { .address($0) } ?? DNSName(text).map { .name($0) }
    }
}
