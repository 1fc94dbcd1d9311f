internal import Dispatch
internal import Identity
internal import Model
internal import Synchronization

/// Proves who answers by a token of an issuer, on threads of its own: an issuer may take its time to say its keys.
final class IssuedTokens: Sendable {
    /// Tokens of one issuer that wait to be proven: as many as the API has connections.
    fileprivate static let longest = 64

    private let prover: TokenProver
    /// One issuer that does not answer keeps nobody of another waiting.
    private let lines: [String: Line]

    /// Why it is nobody's; holds nothing of the token.
    struct Fault: Error, CustomStringConvertible {
        let description: String
    }

    /// Whose it is, and the groups that it claims.
    struct Bearer: Sendable {
        let principal: Principal
        let groups: Set<ByteText>
    }

    private struct Line: Sendable {
        let queue: DispatchQueue
        let waiting: Waiting
    }

    /// Nil where no issuer's tokens answer.
    init?(_ issuers: [Issuer], _ transport: any DocumentTransport) {
        guard !issuers.isEmpty else { return nil }
        prover = TokenProver(issuers, transport: transport)
        lines = Dictionary(
            issuers.map {
                (
                    $0.name,
                    Line(queue: DispatchQueue(label: "bailey.approvers.\($0.name)"), waiting: Waiting())
                )
            },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// Calls back once, here or on a thread of the issuer's.
    func prove(_ token: IdentityToken, then: @escaping @Sendable (Result<Bearer, Fault>) -> Void) {
        let name: String
        do throws(TokenFault) { name = try prover.issuer(of: token).name } catch {
            return then(.failure(Fault(description: "\(error)")))
        }
        guard let line = lines[name], line.waiting.enter() else {
            return then(.failure(Fault(description: "too many tokens wait to be proven; try again")))
        }
        line.queue.async { [prover] in
            defer { line.waiting.leave() }
            do throws(TokenFault) {
                then(.success(Bearer(try prover.identity(of: token, from: name))))
            } catch {
                then(.failure(Fault(description: "\(error)")))
            }
        }
    }
}

extension IssuedTokens.Bearer {
    fileprivate init(_ identity: ProvenIdentity) {
        // A user id would be the kernel's word, which nobody has asked.
        principal = identity.principal(uid: Principal.unknownUser)
        groups = Set(identity.groups.compactMap { ApproverGroup.claimed($0, by: identity.issuer) })
    }
}

/// How many wait in one issuer's line.
private final class Waiting: Sendable {
    private let count = Mutex(0)

    /// False where as many wait as may.
    func enter() -> Bool {
        count.withLock { count in
            guard count < IssuedTokens.longest else { return false }
            count += 1
            return true
        }
    }

    func leave() { count.withLock { $0 -= 1 } }
}
