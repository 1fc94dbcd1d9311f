/// All of a launch that is asked about, however long: its command, and what else an approval of it is bound to.
package struct HeldWhole: Sendable, Hashable {
    /// Octets in one answer: they fit into a socket's buffer, 208 KiB by default (net.core.wmem_default), and nobody waits for the
    /// one who reads them.
    package static let perAnswer = 64 << 10
    /// Octets of all: of what is launched an order has as many, and each variable has a word in front.
    package static let longest = 2 * ControlLimit.message

    package let command: [String]
    package let details: [String]

    package init(command: [String], details: [String]) {
        (self.command, self.details) = (command, details)
    }

    package var bytes: [UInt8] {
        var writer = ControlWriter()
        writer.write(command)
        writer.write(details)
        return writer.bytes
    }

    package init(bytes: [UInt8]) throws(ControlError) {
        var reader = ControlReader(bytes)
        command = try reader.list()
        details = try reader.list()
        try reader.finish()
    }
}
