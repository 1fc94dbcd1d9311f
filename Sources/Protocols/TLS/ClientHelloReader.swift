/// Assembles a ClientHello from a connection's first bytes, however they are cut into segments and records.
///
/// Keeps the handshake message only: the caller keeps the bytes themselves, to hand them on. Memory is bounded by
/// `TLSLimits.hello`, work per octet is constant.
package struct ClientHelloReader: Sendable {
    /// How far the reader has come.
    package enum Progress: Sendable, Hashable {
        /// At most this many more bytes settle it.
        case needsMore(atMost: Int)
        case hello(ClientHello)
        case malformed(TLSFault)
    }

    private enum Stage {
        case header([UInt8])
        case fragment(left: Int)
        case done(Progress)
    }

    private var stage = Stage.header([])
    private var message: [UInt8] = []
    private var wire = 0

    package init() {}

    /// Reads on.
    ///
    /// After `hello` or `malformed` the answer stays what it is, and nothing more is read.
    package mutating func received(_ bytes: some Sequence<UInt8>) -> Progress {
        // A copy, at once: a buffer's view is walked octet by octet through its witnesses.
        for byte in Array(bytes) {
            if case .done(let progress) = stage { return progress }
            wire += 1
            step(byte)
        }
        if case .done(let progress) = stage { return progress }
        return .needsMore(atMost: TLSLimits.wire - wire)
    }

    private mutating func step(_ byte: UInt8) {
        guard wire < TLSLimits.wire else {
            return fail("the ClientHello takes more than \(TLSLimits.wire) octets on the wire")
        }
        switch stage {
        case .header(let read): header(read + [byte])
        case .fragment(let left): fragment(byte, left)
        case .done: break
        }
    }

    private mutating func header(_ bytes: [UInt8]) {
        guard bytes.count == 5 else {
            stage = .header(bytes)
            return
        }
        let length = Int(bytes[3]) << 8 | Int(bytes[4])
        guard bytes[0] == 22, bytes[1] == 3 else { return fail("the record is not a TLS handshake record") }
        guard length <= TLSLimits.record else {
            return fail("a record is longer than \(TLSLimits.record) octets")
        }
        guard length > 0 else { return fail("a handshake record is empty") }
        stage = .fragment(left: length)
    }

    private mutating func fragment(_ byte: UInt8, _ left: Int) {
        message.append(byte)
        stage = left == 1 ? .header([]) : .fragment(left: left - 1)
        guard message.count >= 4 else {
            if message[0] != 1 { fail("the first handshake message is not a ClientHello") }
            return
        }
        let length = Int(message[1]) << 16 | Int(message[2]) << 8 | Int(message[3])
        guard length <= TLSLimits.hello else {
            return fail("the ClientHello is longer than \(TLSLimits.hello) octets")
        }
        guard message.count == length + 4 else { return }
        // RFC 8446 section 5.1: a message in front of a key change ends its record.
        guard left == 1 else { return fail("the record goes on after the ClientHello") }
        complete()
    }

    private mutating func complete() {
        do {
            stage = .done(.hello(try ClientHello(body: message[4...])))
        } catch {
            stage = .done(.malformed(error))
        }
        message = []
    }

    private mutating func fail(_ text: String) {
        stage = .done(.malformed(TLSFault(text)))
        message = []
    }
}
