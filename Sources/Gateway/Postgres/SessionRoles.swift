internal import Dispatch
internal import Model
internal import NIOCore
internal import PostgresProtocol
internal import Synchronization

/// Counts the roles that there are for sessions, from before they are made until they are dropped.
package final class SessionRoles: Sendable {
    /// By the credential that has them made.
    private let counts = Mutex<[String: Int]>([:])
    private let left = DispatchGroup()

    package init() {}

    /// A place for one more; false where there are as many as may be.
    package func enter(_ credential: String, atMost limit: Int) -> Bool {
        let entered = counts.withLock { counts in
            guard counts[credential, default: 0] < limit else { return false }
            counts[credential, default: 0] += 1
            return true
        }
        if entered { left.enter() }
        return entered
    }

    package func leave(_ credential: String) {
        counts.withLock { counts in
            let count = counts[credential, default: 1] - 1
            counts[credential] = count > 0 ? count : nil
        }
        left.leave()
    }

    /// Waits for those that are being dropped, and says whether none is left; never on one of the gateway's loops.
    @discardableResult
    package func awaitDropped(within milliseconds: Int64) -> Bool {
        left.wait(timeout: .now() + .milliseconds(Int(milliseconds))) == .success
    }
}

/// A role of one session, from before it is made until it is dropped; lives on one loop.
///
/// ```
///   fresh ── make ──► making ──► made ── drop ──► dropped
///                        └── the server says no ──►
/// ```
///
/// Whether one was made that failed otherwise nobody knows: it is dropped as well.
final class SessionRoleLease {
    private enum State {
        case making
        /// Where, as the administrator was connected to.
        case made(SocketAddress)
        case dropped
    }

    let name: String
    private let role: PostgresRole
    private let credential: String
    private let maker: DatabaseAccount
    private let database: String
    private let way: PostgresServer.Way
    private let loop: any EventLoop
    private var state = State.making

    /// Nil where the credential has as many roles as it may.
    init?(
        _ plan: SessionRole,
        of credential: String,
        maker: DatabaseAccount,
        in database: String,
        _ way: PostgresServer.Way,
        on loop: any EventLoop
    ) {
        guard way.gatehouse.roles.enter(credential, atMost: way.gatehouse.limits.rolesAtATime) else {
            return nil
        }
        name = PostgresRole.freshName()
        role = PostgresRole(name: name, groups: plan.groups, lifetime: plan.lifetime)
        self.credential = credential
        self.maker = maker
        self.database = database
        self.way = way
        self.loop = loop
    }

    /// Makes it, then says as whom to log in.
    func make(
        beside authorised: borrowing Authorised,
        for resident: Resident,
        then: @escaping (Result<DatabaseAccount, any Error>) -> Void
    ) {
        // 256 random bits, which a verifier does not give away.
        let secret = (0..<4).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
        let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        let script: RoleScript
        do throws(PostgresFault) {
            script = RoleScript(making: role, verifier: try SCRAMVerifier.text(of: secret, salt: salt))
        } catch {
            settle()
            return then(.failure(error))
        }
        let server = server(script)
        server.dial(beside: authorised, for: resident).whenComplete { result in
            switch result {
            case .success:
                if let address = server.address {
                    self.state = .made(address)
                    then(.success(DatabaseAccount(user: self.name, password: secret)))
                } else {
                    self.settle()
                    then(.failure(ChannelError.eof))
                }
            case .failure(let error):
                // What the server refused is not there.
                if !(error is PostgresFault), let address = server.address { self.state = .made(address) }
                if case .made = self.state { self.drop() } else { self.settle() }
                then(.failure(error))
            }
        }
    }

    /// Drops it, once; what could not be dropped is told.
    func drop(_ failed: @escaping (any Error) -> Void = { _ in }) {
        guard case .made(let address) = state else { return }
        state = .dropped
        server(RoleScript(dropping: role)).dial(again: address).whenComplete { result in
            if case .failure(let error) = result { failed(error) }
            self.way.gatehouse.roles.leave(self.credential)
        }
    }

    /// There is none.
    private func settle() {
        state = .dropped
        way.gatehouse.roles.leave(credential)
    }

    private func server(_ script: RoleScript) -> PostgresServer {
        let (maker, database) = (maker, database)
        return PostgresServer(
            way,
            for: .roles({ PostgresLoginSettings(maker, in: database, $0) }, script),
            on: loop
        )
    }
}
