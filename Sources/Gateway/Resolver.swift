internal import Model
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Finds the addresses of names that requests have been permitted for: the operator's first, the system's after.
///
/// Nothing is kept: each dial asks anew, and dials exactly what was checked.
final class Resolver: Sendable {
    private let fixed: [DNSName: IPAddress]
    private let names: any NameLookup
    private let threads: NIOThreadPool
    private let limits: GatewayLimits
    private let waiting = Mutex(0)

    init(_ configuration: GatewayConfiguration, threads: NIOThreadPool) {
        fixed = configuration.resolve
        names = configuration.names
        limits = configuration.limits
        self.threads = threads
    }

    /// The addresses to consider for a host, on the given loop, within `limits.resolve`.
    func addresses(of host: Host, on loop: any EventLoop) -> EventLoopFuture<[IPAddress]> {
        switch host {
        case .address(let address): loop.makeSucceededFuture([address])
        case .name(let name):
            if let address = fixed[name] {
                loop.makeSucceededFuture([address])
            } else {
                lookUp(name, on: loop)
            }
        }
    }

    private func lookUp(_ name: DNSName, on loop: any EventLoop) -> EventLoopFuture<[IPAddress]> {
        let room = waiting.withLock { waiting in
            guard waiting < limits.waitingLookups else { return false }
            waiting += 1
            return true
        }
        guard room else {
            return loop.makeFailedFuture(
                LookupFailure("\(name) was not looked up: too many names are waiting")
            )
        }
        let promise = loop.makePromise(of: [IPAddress].self)
        let answered = NIOLoopBoundBox(false, eventLoop: loop)
        let names = names
        let lookup = threads.runIfActive(eventLoop: loop) { try names.addresses(of: name) }
        let timer = loop.scheduleTask(in: .milliseconds(limits.resolve)) {
            guard !answered.value else { return }
            answered.value = true
            promise.fail(LookupFailure("\(name) was not resolved in time"))
        }
        lookup.whenComplete { result in
            self.waiting.withLock { $0 -= 1 }
            timer.cancel()
            guard !answered.value else { return }
            answered.value = true
            promise.completeWith(result)
        }
        return promise.futureResult
    }
}
