internal import Model
internal import NIOCore
internal import Synchronization

/// The addresses of the machine the gateway runs on: as private as loopback, whatever their scope.
final class HostAddresses: Sendable {
    private struct Seen {
        var addresses: Set<IPAddress> = []
        var until = NIODeadline.uptimeNanoseconds(0)
    }

    /// How long one look is believed: interfaces change rarely, and a look costs two system calls.
    private static let lifetime = TimeAmount.seconds(5)

    private let seen = Mutex(Seen())

    /// Whether this address is one of the machine's own.
    ///
    /// An enumeration that fails counts every address in.
    func contain(_ address: IPAddress) -> Bool {
        seen.withLock { seen in
            let now = NIODeadline.now()
            if seen.until < now {
                guard let devices = try? System.enumerateDevices() else { return true }
                seen.addresses = Set(devices.compactMap { $0.address.flatMap(IPAddress.init(socket:)) })
                seen.until = now + Self.lifetime
            }
            return seen.addresses.contains(address)
        }
    }
}
