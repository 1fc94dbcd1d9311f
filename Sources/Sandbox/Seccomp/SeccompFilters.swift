package import Policy
internal import Synchronization

/// The filters of one supervisor: each is compiled when it is first needed, and once.
package final class SeccompFilters: Sendable {
    /// Makes the filter of one policy.
    package typealias Compiler = @Sendable (SystemCallPolicy) throws(SeccompFailure) -> [UInt8]

    private let base: SystemCallPolicy
    private let compileBase: Compiler
    private let compileNarrower: Compiler
    /// By the policy's digest; the base's own is nil.
    private let compiled = Mutex<[String?: [UInt8]]>([:])

    package init(
        base: SystemCallPolicy,
        compileBase: @escaping Compiler = SeccompFilter.base,
        compileNarrower: @escaping Compiler = SeccompFilter.narrower
    ) {
        self.base = base
        self.compileBase = compileBase
        self.compileNarrower = compileNarrower
    }

    /// The filters for a profile, in the order in which they are loaded: what it adds to the base, then the base's.
    package func programs(_ policy: SystemCallPolicy?) throws(SeccompFailure) -> [[UInt8]] {
        let base = try program(base, key: nil, compileBase)
        guard let policy, !policy.addsNothing else { return [base] }
        return [try program(policy, key: policy.digest, compileNarrower), base]
    }

    private func program(
        _ policy: SystemCallPolicy,
        key: String?,
        _ compile: Compiler
    ) throws(SeccompFailure) -> [UInt8] {
        try compiled.withLock { compiled throws(SeccompFailure) in
            if let known = compiled[key] { return known }
            let program = try compile(policy)
            compiled[key] = program
            return program
        }
    }
}

extension SystemCallPolicy {
    /// What a profile that says `default` adds to it.
    fileprivate var addsNothing: Bool { rest == .allowed && groups.isEmpty }
}
