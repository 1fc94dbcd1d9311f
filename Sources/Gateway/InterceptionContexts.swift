internal import Model
internal import NIOCore
internal import NIOSSL
internal import Synchronization

/// Server contexts of intercepted hosts, made on demand and kept, the least recently used going first.
///
/// Kept for half of a leaf's life at most, so that no client is shown a certificate about to end.
final class InterceptionContexts: Sendable {
    private struct Entry {
        let context: NIOSSLContext
        let made: NIODeadline
        var used: UInt64
    }

    private struct Place: Hashable {
        let host: Host
        let speech: CertificateAuthority.Speech
    }

    private struct Cache {
        var entries: [Place: Entry] = [:]
        var uses: UInt64 = 0
    }

    private static let lifetime = TimeAmount.hours(11)

    private let authority: CertificateAuthority
    private let capacity: Int
    private let cache = Mutex(Cache())

    init(authority: CertificateAuthority, capacity: Int) {
        self.authority = authority
        self.capacity = max(1, capacity)
    }

    /// The context for a host; about 60 µs of CPU when it has to be made.
    func context(
        for host: Host,
        speaking speech: CertificateAuthority.Speech = .http
    ) throws -> NIOSSLContext {
        let now = NIODeadline.now()
        let place = Place(host: host, speech: speech)
        if let known = kept(place, now: now) { return known }
        let context = try authority.serverContext(for: host, speaking: speech)
        cache.withLock { cache in
            if cache.entries.count >= capacity,
                let oldest = cache.entries.min(by: { $0.value.used < $1.value.used })
            {
                cache.entries[oldest.key] = nil
            }
            cache.uses &+= 1
            cache.entries[place] = Entry(context: context, made: now, used: cache.uses)
        }
        return context
    }

    private func kept(_ place: Place, now: NIODeadline) -> NIOSSLContext? {
        cache.withLock { cache in
            guard let entry = cache.entries[place], now - entry.made < Self.lifetime else { return nil }
            cache.uses &+= 1
            cache.entries[place]?.used = cache.uses
            return entry.context
        }
    }
}
