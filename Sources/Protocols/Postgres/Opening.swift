package import NIOCore

/// The code in a first packet, where messages have no type (PostgreSQL 15, "Message Formats").
enum StartupCode {
    static let cancel: UInt32 = 80_877_102
    static let tls: UInt32 = 80_877_103
    static let gssapi: UInt32 = 80_877_104
}

/// A client's first packets.
///
/// ```
///   plain ── SSLRequest, `S` ──► encrypting ── encrypted() ──► encrypted ── StartupMessage ──► over
///     │ ▲                                                        └── CancelRequest ──────────► over
///     │ └── GSSENCRequest or SSLRequest, `N`, once each
///     └── StartupMessage, CancelRequest ─────────────────────────────────────────────────────► over
/// ```
///
/// What comes behind a request for encryption before it is answered is never read (CVE-2021-23222).
package struct PostgresOpening: Sendable {
    /// What came of some octets.
    package enum Step {
        /// More octets are needed.
        case more
        /// Send this, then go on in the clear.
        case declined(ByteBuffer)
        /// Send this, then begin TLS, and say `encrypted()`.
        case encrypt(ByteBuffer)
        case cancel(BackendKey)
        /// The session begins; `rest` is what came behind it, the first of its messages.
        case startup(PostgresStartup, rest: ByteBuffer)
        /// Send its `answer` and close.
        case fault(PostgresFault)
    }

    private enum State {
        case plain
        case encrypting
        case encrypted
        case over
    }

    private let offersTLS: Bool
    private var state = State.plain
    /// Codes of the encryption that was asked for.
    private var asked: [UInt32] = []
    private var bytes = ByteBuffer()

    package init(offersTLS: Bool) {
        self.offersTLS = offersTLS
    }

    /// Of a client that began with TLS, without asking for it (`sslnegotiation=direct`, PostgreSQL 17).
    package static var encrypted: PostgresOpening {
        var opening = PostgresOpening(offersTLS: false)
        opening.state = .encrypted
        return opening
    }

    /// What it says then that it speaks (ALPN; IANA's registry).
    package static let applicationProtocol = "postgresql"

    /// TLS has begun: what comes now was sent through it.
    package mutating func encrypted() {
        guard case .encrypting = state else { return }
        state = .encrypted
    }

    /// Reads on.
    package mutating func received(_ more: ByteBuffer) -> Step {
        switch state {
        case .encrypting: return fail("the client sent octets in the clear behind a request for TLS")
        case .over: return fail("the client's first packets are over")
        case .plain, .encrypted: break
        }
        bytes.writeImmutableBuffer(more)
        guard let length = bytes.getInteger(at: bytes.readerIndex, as: UInt32.self) else { return .more }
        guard length >= 8, length <= UInt32(PostgresLimits.startup) else {
            return fail(
                "the client's first packet says \(length) octets: they are from 8 to \(PostgresLimits.startup)"
            )
        }
        guard var packet = bytes.readSlice(length: Int(length)) else { return .more }
        packet.moveReaderIndex(forwardBy: 4)
        guard let code = packet.readInteger(as: UInt32.self) else {
            return fail("a first packet has no code")
        }
        return read(code, &packet)
    }

    private mutating func read(_ code: UInt32, _ packet: inout ByteBuffer) -> Step {
        switch code {
        case StartupCode.tls: return encryption(code, packet, accepts: offersTLS)
        case StartupCode.gssapi: return encryption(code, packet, accepts: false)
        case StartupCode.cancel:
            guard let (process, key) = packet.readMultipleIntegers(as: (UInt32, UInt32).self),
                packet.readableBytes == 0, bytes.readableBytes == 0
            else { return fail("a request to cancel is not of 16 octets") }
            state = .over
            return .cancel(BackendKey(process: process, key: key))
        default:
            state = .over
            do throws(PostgresFault) {
                return .startup(try PostgresStartup(code: code, packet), rest: bytes)
            } catch {
                return .fault(error)
            }
        }
    }

    private mutating func encryption(_ code: UInt32, _ packet: ByteBuffer, accepts: Bool) -> Step {
        guard case .plain = state else { return fail("the client asked for encryption within TLS") }
        guard !asked.contains(code) else { return fail("the client asked twice for the same encryption") }
        guard packet.readableBytes == 0 else { return fail("a request for encryption is not of 8 octets") }
        guard bytes.readableBytes == 0 else {
            return fail("the client sent octets in the clear behind a request for encryption")
        }
        asked.append(code)
        guard accepts else { return .declined(ByteBuffer(string: "N")) }
        state = .encrypting
        return .encrypt(ByteBuffer(string: "S"))
    }

    private mutating func fail(_ message: String) -> Step {
        state = .over
        return .fault(.violation(message))
    }
}

/// The server's answer to the gateway's own request for TLS.
package enum PostgresEncryption: Sendable, Hashable {
    /// Begin TLS.
    case accepted
    case declined
    /// An old server's error, or anything else.
    case fault

    /// SSLRequest.
    package static var request: ByteBuffer {
        var bytes = ByteBuffer()
        bytes.writeMultipleIntegers(UInt32(8), StartupCode.tls)
        return bytes
    }

    /// By the octets that came; what is behind the answer in the clear is a fault (CVE-2021-23222).
    package init(_ answer: ByteBuffer) {
        guard answer.readableBytes == 1 else {
            self = .fault
            return
        }
        switch answer.readableBytesView.first {
        case UInt8(ascii: "S"): self = .accepted
        case UInt8(ascii: "N"): self = .declined
        default: self = .fault
        }
    }
}
