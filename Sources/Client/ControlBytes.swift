/// Limits of the control protocol, which untrusted agents speak.
package enum ControlLimit {
    /// Bytes of one message of the user's: twice what execve(2) takes as arguments and environment by default.
    package static let message = 4 << 20
    /// Bytes of one message of an agent's: with 64 connections at most 32 MiB.
    package static let agentMessage = 512 << 10
    /// Bytes of one packet; well under the default socket buffer (net.core.wmem_default, 208 KiB).
    package static let packet = 32 << 10
    /// Strings in one list: the arguments or the environment of a program.
    package static let listCount = 1 << 18
    /// Descriptors in one message: a pty, or stdin, stdout and stderr.
    package static let descriptors = 3
}

/// A control message that is not one: the connection it came on is closed.
package struct ControlError: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) {
        self.message = message
    }

    package var description: String { "control message: \(message)" }
}

/// Writes the fields of a control message: big-endian integers, strings and lists with a 32-bit count in front.
struct ControlWriter {
    private(set) var bytes: [UInt8] = []

    mutating func write(_ value: UInt8) {
        bytes.append(value)
    }

    mutating func write(_ value: Int32) {
        let bits = UInt32(bitPattern: value)
        for shift: UInt32 in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: bits >> shift)) }
    }

    mutating func write(_ value: UInt64) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    mutating func write(_ value: Bool) {
        write(UInt8(value ? 1 : 0))
    }

    mutating func write(_ text: String) {
        write(Int32(clamping: text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    mutating func write(octets: [UInt8]) {
        write(Int32(clamping: octets.count))
        bytes += octets
    }

    mutating func write(_ list: [String]) {
        write(Int32(clamping: list.count))
        for text in list { write(text) }
    }

    mutating func write(_ text: String?) {
        write(text != nil)
        if let text { write(text) }
    }
}

/// Reads the fields of a control message; every count is checked against what is there before it is believed.
struct ControlReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    mutating func number() throws(ControlError) -> UInt64 {
        var value: UInt64 = 0
        for _ in 0..<8 { value = value << 8 | UInt64(try byte()) }
        return value
    }

    mutating func byte() throws(ControlError) -> UInt8 {
        guard let value = rest.popFirst() else { throw ControlError("ends early") }
        return value
    }

    mutating func integer() throws(ControlError) -> Int32 {
        guard rest.count >= 4 else { throw ControlError("ends early") }
        let bits = rest.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        rest = rest.dropFirst(4)
        return Int32(bitPattern: bits)
    }

    mutating func flag() throws(ControlError) -> Bool {
        switch try byte() {
        case 0: return false
        case 1: return true
        case let other: throw ControlError("flag is \(other)")
        }
    }

    /// Text that is valid UTF-8 without NUL, which no argument, path or variable can hold.
    mutating func text() throws(ControlError) -> String {
        let count = Int(try integer())
        guard count >= 0, count <= rest.count else {
            throw ControlError("string of \(count) bytes does not fit")
        }
        let slice = rest.prefix(count)
        guard !slice.contains(0) else { throw ControlError("string holds NUL") }
        guard let text = String(validating: slice, as: UTF8.self) else {
            throw ControlError("string is not UTF-8")
        }
        rest = rest.dropFirst(count)
        return text
    }

    mutating func octets() throws(ControlError) -> [UInt8] {
        let count = Int(try integer())
        guard count >= 0, count <= rest.count else { throw ControlError("\(count) octets do not fit") }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func optionalText() throws(ControlError) -> String? {
        try flag() ? try text() : nil
    }

    mutating func list() throws(ControlError) -> [String] {
        let count = Int(try integer())
        guard (0...ControlLimit.listCount).contains(count) else {
            throw ControlError("list of \(count) strings")
        }
        var list: [String] = []
        for _ in 0..<count { list.append(try text()) }
        return list
    }

    /// Refuses what is left over: a message is consumed to its last byte.
    func finish() throws(ControlError) {
        guard rest.isEmpty else { throw ControlError("\(rest.count) bytes left over") }
    }
}
