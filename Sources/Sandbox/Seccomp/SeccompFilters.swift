package import Policy
internal import Synchronization

/// The filters of one supervisor: each is compiled when it is first needed, and once.
package final class SeccompFilters: Sendable {
    /// Makes the filter of one policy.
    package typealias Compiler = @Sendable (SystemCallPolicy) throws(SeccompFailure) -> [UInt8]

    private let makeBase: @Sendable () throws(SeccompFailure) -> [UInt8]
    private let compileNarrower: Compiler
    /// By the policy's digest; the base's own is nil.
    private let compiled = Mutex<[String?: [UInt8]]>([:])

    /// The filters over the one that is built in.
    package init() {
        makeBase = { () throws(SeccompFailure) in SeccompFilter.builtIn }
        compileNarrower = SeccompFilter.narrower
    }

    package init(
        base: SystemCallPolicy,
        compileBase: @escaping Compiler = SeccompFilter.base,
        compileNarrower: @escaping Compiler = SeccompFilter.narrower
    ) {
        makeBase = { () throws(SeccompFailure) in try compileBase(base) }
        self.compileNarrower = compileNarrower
    }

    /// The filters for a profile, in the order in which they are loaded: what it adds to the base, then the base's.
    package func programs(_ policy: SystemCallPolicy?) throws(SeccompFailure) -> [[UInt8]] {
        let base = try program(nil, makeBase)
        guard let policy, !policy.addsNothing else { return [base] }
        let compile = compileNarrower
        return [
            try program(policy.digest) { () throws(SeccompFailure) in try compile(policy) }, base,
        ]
    }

    private func program(
        _ key: String?,
        _ make: () throws(SeccompFailure) -> [UInt8]
    ) throws(SeccompFailure) -> [UInt8] {
        try compiled.withLock { compiled throws(SeccompFailure) in
            if let known = compiled[key] { return known }
            let program = try make()
            compiled[key] = program
            return program
        }
    }
}

extension SystemCallPolicy {
    /// What a profile that says `default` adds to it.
    fileprivate var addsNothing: Bool { rest == .allowed && groups.isEmpty }
}
