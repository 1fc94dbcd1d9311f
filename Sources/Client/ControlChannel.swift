internal import Glibc
package import Linux

/// One end of a control connection: messages over SOCK_SEQPACKET, each in one packet or more.
///
/// A packet is one flag byte (1: more follows) and up to `ControlLimit.packet - 1` bytes. Descriptors travel with
/// a message's last packet. Neither reading nor writing blocks.
package final class ControlChannel {
    /// What `receive` found.
    package enum Received {
        case message([UInt8], descriptors: [Int32])
        /// No whole message yet.
        case nothing
        /// The peer is gone.
        case closed
    }

    private var socket: OwnedDescriptor
    private let acceptedDescriptors: Int
    private let longest: Int
    private let sender: UInt64
    private var partial: [UInt8] = []

    /// Takes a connection over.
    ///
    /// - Parameters:
    ///   - socket: the connection.
    ///   - acceptedDescriptors: how many a message may bring: none from an agent.
    ///   - longest: bytes of the longest message, either way.
    ///   - sender: whose the descriptors are that it brings all the same (`OwnedDescriptor.closeToStranger`).
    package init(
        _ socket: consuming OwnedDescriptor,
        acceptedDescriptors: Int,
        longest: Int = ControlLimit.message,
        sender: UInt64 = 0
    ) {
        self.socket = socket
        self.acceptedDescriptors = acceptedDescriptors
        self.longest = longest
        self.sender = sender
    }

    deinit {
        guard acceptedDescriptors == 0 else { return }
        socket.take().closeToStranger(sender)
    }

    package var descriptor: Int32 { socket.rawValue }

    /// Sends a whole message; throws when the peer is gone or does not read.
    package func send(_ bytes: [UInt8], descriptors: [Int32] = []) throws(ControlError) {
        try send(bytes, descriptors, mayWait: false) {}
    }

    /// The same to a peer that need not have read what came before: `room` waits for it, and throws to give up.
    package func send(
        _ bytes: [UInt8],
        awaiting room: () throws(ControlError) -> Void
    ) throws(ControlError) {
        try send(bytes, [], mayWait: true, room)
    }

    private func send(
        _ bytes: [UInt8],
        _ descriptors: [Int32],
        mayWait: Bool,
        _ room: () throws(ControlError) -> Void
    ) throws(ControlError) {
        guard bytes.count <= longest else {
            throw ControlError("\(bytes.count) bytes are too many")
        }
        var rest = bytes[...]
        repeat {
            let chunk = rest.prefix(ControlLimit.packet - 1)
            rest = rest.dropFirst(chunk.count)
            let packet = [UInt8(rest.isEmpty ? 0 : 1)] + chunk
            while try !sent(packet, rest.isEmpty ? descriptors : [], mayWait: mayWait) { try room() }
        } while !rest.isEmpty
    }

    /// False where there is no room now, and the caller may wait for it.
    private func sent(
        _ packet: [UInt8],
        _ descriptors: [Int32],
        mayWait: Bool
    ) throws(ControlError) -> Bool {
        do throws(SystemCallError) {
            try PacketSocket.send(packet, descriptors: descriptors, on: socket.rawValue)
            return true
        } catch {
            if mayWait, error.errno == EAGAIN { return false }
            throw ControlError("\(error)")
        }
    }

    /// Takes one packet, and with it perhaps the end of a message, whose descriptors belong to the caller.
    ///
    /// Never more than one: a peer that sends without end would keep the reader from everything else.
    package func receive() throws(ControlError) -> Received {
        guard let packet = try packet() else { return .nothing }
        guard let flag = packet.bytes.first else {
            // A packet without bytes is no end of the connection, though it reads like one: it may hold descriptors.
            for descriptor in packet.descriptors { Glibc.close(descriptor) }
            return .closed
        }
        guard flag == 0 || packet.descriptors.isEmpty, flag <= 1,
            partial.count + packet.bytes.count <= longest
        else {
            for descriptor in packet.descriptors { Glibc.close(descriptor) }
            throw ControlError("malformed or over \(longest) bytes")
        }
        partial += packet.bytes.dropFirst()
        guard flag == 0 else { return .nothing }
        defer { partial = [] }
        return .message(partial, descriptors: packet.descriptors)
    }

    private func packet() throws(ControlError) -> PacketSocket.Packet? {
        do throws(SystemCallError) {
            return try PacketSocket.receive(
                on: socket.rawValue,
                maximumBytes: ControlLimit.packet,
                maximumDescriptors: acceptedDescriptors
            )
        } catch {
            throw ControlError("\(error)")
        }
    }
}
