internal import Glibc
package import Linux

/// One end of a control connection: messages over SOCK_SEQPACKET, each in one packet or more.
///
/// A packet is one flag byte (1: more follows) and up to `ControlLimit.packet - 1` bytes. Descriptors travel with
/// a message's last packet. Reading and writing never block.
package final class ControlChannel {
    /// What `receive` found.
    package enum Received {
        case message([UInt8], descriptors: [Int32])
        /// Nothing more for now.
        case nothing
        /// The peer is gone.
        case closed
    }

    private let socket: OwnedDescriptor
    private var partial: [UInt8] = []

    package init(_ socket: consuming OwnedDescriptor) {
        self.socket = socket
    }

    package var descriptor: Int32 { socket.rawValue }

    /// Sends a whole message; throws when the peer is gone or does not read.
    package func send(_ bytes: [UInt8], descriptors: [Int32] = []) throws(ControlError) {
        guard bytes.count <= ControlLimit.message else {
            throw ControlError("\(bytes.count) bytes are too many")
        }
        var rest = bytes[...]
        repeat {
            let chunk = rest.prefix(ControlLimit.packet - 1)
            rest = rest.dropFirst(chunk.count)
            let packet = [UInt8(rest.isEmpty ? 0 : 1)] + chunk
            do throws(SystemCallError) {
                try PacketSocket.send(
                    packet,
                    descriptors: rest.isEmpty ? descriptors : [],
                    on: socket.rawValue
                )
            } catch {
                throw ControlError("\(error)")
            }
        } while !rest.isEmpty
    }

    /// Takes the next message; the descriptors that come with it belong to the caller.
    package func receive() throws(ControlError) -> Received {
        while true {
            let packet: PacketSocket.Packet
            do throws(SystemCallError) {
                guard
                    let next = try PacketSocket.receive(
                        on: socket.rawValue,
                        maximumBytes: ControlLimit.packet,
                        maximumDescriptors: ControlLimit.descriptors
                    )
                else { return .nothing }
                packet = next
            } catch {
                throw ControlError("\(error)")
            }
            guard let flag = packet.bytes.first else { return .closed }
            guard flag == 0 || packet.descriptors.isEmpty, flag <= 1,
                partial.count + packet.bytes.count <= ControlLimit.message
            else {
                for descriptor in packet.descriptors { Glibc.close(descriptor) }
                throw ControlError("malformed or over \(ControlLimit.message) bytes")
            }
            partial += packet.bytes.dropFirst()
            guard flag == 0 else { continue }
            defer { partial = [] }
            return .message(partial, descriptors: packet.descriptors)
        }
    }
}
