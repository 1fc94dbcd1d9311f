import HTTPProtocol
import NIOCore
import Reflection
import Testing

/// Messages of calls of gRPC, as they are on the wire.
enum Calls {
    static let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"

    /// gzip of `hello hello hello hello`.
    static let plain = coded("H4sIAAAAAAACA8tIzcnJV8hAJwHjUT2NFwAAAA==")
    /// gzip of `a TOKEN b`.
    static let withToken = coded(
        "H4sIAAAAAAACA0tUSM8oiDc0czZPNTFyM7I0SjazNDRyNTc3NEi2MLYwNjF3TDU0t3AySVRIAgCm+0c4LAAAAA=="
    )
    /// gzip of `auth=Bearer SECRET; `, three times, where the secret is that of `CredentialsTests`.
    static let withSecret = coded(
        "H4sIAAAAAAACA0ssLcmwdUpNLEotUig2Ti4yLtENcnX0sVZIJFkCAKNoqANLAAAA"
    )

    private static func coded(_ text: String) -> [UInt8] {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        let sextets = text.utf8.compactMap { digits.firstIndex(of: $0) }
        return stride(from: 0, to: sextets.count, by: 4).flatMap { start in
            let group = sextets[start..<min(start + 4, sextets.count)]
            let bits = group.reduce(0) { $0 << 6 | $1 } << (6 * (4 - group.count))
            return [16, 8, 0].prefix(group.count - 1).map { UInt8(truncatingIfNeeded: bits >> $0) }
        }
    }

    static func message(_ octets: [UInt8], flag: UInt8 = 1) -> [UInt8] {
        let count = octets.count
        return [flag] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + octets
    }

    static func message(_ text: String) -> [UInt8] { message(Array(text.utf8), flag: 0) }

    static let seeds: [[UInt8]] = [
        message(plain), message("plain"), message([], flag: 1), message([], flag: 0),
        message(withSecret) + message("plain") + message(plain), message("Bearer s3cr3t-REAL"),
        message(withToken) + message("a \(token) b"),
    ]

    /// The messages that are whole at the front of octets, and how many octets follow them.
    static func read(_ octets: [UInt8]) -> (messages: [(flag: UInt8, octets: [UInt8])], rest: Int) {
        var messages: [(UInt8, [UInt8])] = []
        var rest = octets[...]
        while rest.count >= 5 {
            let start = rest.startIndex
            let length = rest[(start + 1)..<(start + 5)].reduce(0) { $0 << 8 | Int($1) }
            guard rest.count - 5 >= length else { break }
            messages.append((rest[start], Array(rest[(start + 5)..<(start + 5 + length)])))
            rest = rest.dropFirst(5 + length)
        }
        return (messages, rest.count)
    }

    /// What gzip stands for; nil for what is none.
    static func decoded(_ octets: [UInt8]) -> [UInt8]? {
        var made: [UInt8] = []
        do throws(DecodingFault) {
            let decoder = try ContentDecoder(.gzip)
            try decoder.decode(ByteBuffer(bytes: octets)) { made += $0.readableBytesView }
            try decoder.finish()
        } catch {
            return nil
        }
        return made
    }

    static func holds(_ octets: [UInt8], _ text: String) -> Bool {
        let text = Array(text.utf8)
        guard octets.count >= text.count else { return false }
        return (0...(octets.count - text.count)).contains { octets[$0...].starts(with: text) }
    }
}
