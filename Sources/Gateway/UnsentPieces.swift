internal import NIOCore

/// Pieces of bodies that a channel was given and has not sent.
///
/// Each costs some hundred octets beside its own, which `GatewayLimits.writeBuffer` does not count: of octets that come one by one a
/// stream that is not read would keep many times its window.
final class UnsentPieces {
    private var given: UInt64 = 0
    private var sent: UInt64 = 0

    /// No more are read for it.
    var isFull: Bool { given - sent >= GatewayLimits.unsentPieces }

    /// Counts one; of one in many a promise, which is kept when it and all before it have been sent, or never will be: then
    /// there is room again.
    func give(_ loop: any EventLoop) -> EventLoopPromise<Void>? {
        given += 1
        let number = given
        guard number.isMultiple(of: GatewayLimits.unsentPieces / 4) else { return nil }
        let promise = loop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.sent = max(self.sent, number) }
        return promise
    }
}
