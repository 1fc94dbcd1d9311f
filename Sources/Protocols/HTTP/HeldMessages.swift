import NIOCore
import Wire

/// Messages of one side that wait, a client's for a ruling or for the end of an earlier response, either's until what came before
/// them is looked through: at most what one or two socket reads decode to, because the driver stops reading once more than the
/// end of a request is held.
struct HeldMessages {
    private var messages: [HTTPMessage] = []
    private var first = 0
    private var octets = 0

    var isEmpty: Bool { first == messages.count }

    /// Whether nothing is held but the end of a message: that of the request which is being ruled on.
    var isOneEnd: Bool {
        guard messages.count - first == 1, case .end = messages[first] else { return false }
        return true
    }

    /// False when the bound is reached: the driver did not stop reading.
    ///
    /// Parts of a body that wait are joined where `joins` says so: there may be one for each octet.
    mutating func append(_ message: HTTPMessage, joining joins: Bool = false) -> Bool {
        octets += Self.size(message)
        guard octets <= HTTPLimits.held else { return false }
        if joins, join(message) { return true }
        guard messages.count - first < HTTPLimits.heldCount else { return false }
        messages.append(message)
        return true
    }

    /// Adds a part of a body to the one before it; whether it is small enough for that.
    private mutating func join(_ message: HTTPMessage) -> Bool {
        guard !isEmpty, let last = messages.indices.last, case .body(let more) = message,
            case .body(var bytes) = messages[last],
            bytes.readableBytes + more.readableBytes <= KeptOctets.piece
        else { return false }
        // So that the octets before it are not copied for each.
        messages[last] = .end(nil)
        bytes.writeImmutableBuffer(more)
        messages[last] = .body(bytes)
        return true
    }

    mutating func removeFirst() -> HTTPMessage? {
        guard first < messages.count else { return nil }
        let message = messages[first]
        first += 1
        octets -= Self.size(message)
        if first == messages.count {
            messages.removeAll(keepingCapacity: true)
            first = 0
        }
        return message
    }

    mutating func removeAll() {
        messages = []
        first = 0
        octets = 0
    }

    private static func size(_ message: HTTPMessage) -> Int {
        if case .body(let bytes) = message { bytes.readableBytes } else { 0 }
    }
}
