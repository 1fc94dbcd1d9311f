/// Hellos of any shape, for cases that no well-behaved client sends.
struct HelloBuilder {
    var version: [UInt8] = [3, 3]
    var session = [UInt8](repeating: 7, count: 32)
    var suites: [UInt8] = [0x13, 0x01]
    var compression: [UInt8] = [0]
    /// Nil leaves the extension block out.
    var extensions: [(UInt16, [UInt8])]? = []
    /// Octets behind the last field.
    var tail: [UInt8] = []

    /// The content of a server_name extension with one host name.
    static func serverName(_ name: some Sequence<UInt8>) -> [UInt8] {
        let octets = Array(name)
        return vector16([0] + vector16(octets))
    }

    static func vector16(_ content: [UInt8]) -> [UInt8] {
        [UInt8(content.count >> 8 & 255), UInt8(content.count & 255)] + content
    }

    var body: [UInt8] {
        var result = version + [UInt8](repeating: 9, count: 32) + [UInt8(session.count)] + session
        result += Self.vector16(suites) + [UInt8(compression.count)] + compression
        if let extensions {
            result += Self.vector16(
                extensions.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 255)] + Self.vector16($0.1) }
            )
        }
        return result + tail
    }

    var message: [UInt8] {
        let body = body
        return [1, UInt8(body.count >> 16), UInt8(body.count >> 8 & 255), UInt8(body.count & 255)] + body
    }

    /// The message in records of at most `size` octets.
    func records(of size: Int = 16_384) -> [UInt8] {
        Self.records(message, of: size)
    }

    static func records(_ message: [UInt8], of size: Int) -> [UInt8] {
        stride(from: 0, to: message.count, by: size).flatMap { start in
            [22, 3, 1] + vector16(Array(message[start..<min(start + size, message.count)]))
        }
    }
}
