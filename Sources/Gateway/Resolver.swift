internal import Model
internal import NIOCore

/// Finds the addresses of names that requests have been permitted for: the operator's first, the system's after.
///
/// Nothing is kept: each dial asks anew, and dials exactly what was checked.
final class Resolver: Sendable {
    private let fixed: [DNSName: IPAddress]
    private let names: any NameLookup
    private let work: BlockingWork
    private let limits: GatewayLimits

    init(_ configuration: GatewayConfiguration, _ work: BlockingWork) {
        fixed = configuration.resolve
        names = configuration.names
        limits = configuration.limits
        self.work = work
    }

    /// The addresses to consider for a host, on the given loop, within `limits.resolve`.
    func addresses(
        of host: Host,
        for resident: Resident,
        on loop: any EventLoop
    ) -> EventLoopFuture<[IPAddress]> {
        switch host {
        case .address(let address): loop.makeSucceededFuture([address])
        case .name(let name):
            if let address = fixed[name] {
                loop.makeSucceededFuture([address])
            } else {
                lookUp(name, for: resident, on: loop)
            }
        }
    }

    /// The same, waiting for it: on a thread that may block.
    func addresses(blocking host: Host) throws(LookupFailure) -> [IPAddress] {
        switch host {
        case .address(let address): return [address]
        case .name(let name):
            if let address = fixed[name] { return [address] }
            return try names.addresses(of: name)
        }
    }

    private func lookUp(
        _ name: DNSName,
        for resident: Resident,
        on loop: any EventLoop
    ) -> EventLoopFuture<[IPAddress]> {
        let promise = loop.makePromise(of: [IPAddress].self)
        let answered = NIOLoopBoundBox(false, eventLoop: loop)
        let names = names
        let place = BlockingWork.Place()
        let lookup = work.run(for: resident, on: loop, place) { try names.addresses(of: name) }
        let timer = loop.scheduleTask(in: .milliseconds(limits.resolve)) {
            guard !answered.value else { return }
            answered.value = true
            place.giveUp()
            promise.fail(LookupFailure("\(name) was not resolved in time"))
        }
        lookup.whenComplete { result in
            timer.cancel()
            guard !answered.value else { return }
            answered.value = true
            promise.completeWith(
                result.mapError {
                    $0 is LookupFailure ? $0 : LookupFailure("\(name) was not looked up: \($0)")
                }
            )
        }
        return promise.futureResult
    }
}
