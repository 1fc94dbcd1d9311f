import NIOCore

/// Client messages that wait for a ruling or for the end of an earlier response: at most what one or two socket
/// reads decode to, because the driver stops reading once more than the end of a request is held.
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
    mutating func append(_ message: HTTPMessage) -> Bool {
        octets += Self.size(message)
        guard octets <= HTTPLimits.held, messages.count - first < HTTPLimits.heldCount else { return false }
        messages.append(message)
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
