internal import Foundation
internal import GRDB
internal import Model
package import PostgresLink

/// One machine's log in a fleet's database.
package struct FleetChain: Sendable, Hashable {
    /// The public key that signs it, in lower-case hex.
    package let key: String
    /// The last record that is there.
    package let last: Int64
}

/// The logs of a fleet, in the database that they go to.
package struct FleetLog: Sendable {
    private let access: PostgresAccess

    package init(_ access: PostgresAccess) {
        self.access = access
    }

    /// All there are, by their keys.
    package func chains() throws -> [FleetChain] {
        let rows = try PostgresConnection(access, statement: PostgresLimits.unbounded).rows(
            "SELECT chain, max(last) FROM \(FleetStatement.sealTable) GROUP BY chain ORDER BY chain"
        )
        return rows.compactMap { row in
            guard row.count == 2, let key = row[0].string, let last = row[1].number else { return nil }
            return FleetChain(key: key, last: last)
        }
    }

    /// The one whose key begins so; without a beginning the only one.
    package func chain(_ beginning: String?) throws -> FleetChain {
        let all = try chains()
        let found = beginning.map { beginning in all.filter { $0.key.begins(with: beginning.lowercasedASCII) }
        }
        let chosen = found ?? all
        guard let chain = chosen.first else {
            throw NoSuchChain(
                "\(access.location) has no log"
                    + (beginning.map { " whose key begins with \(TerminalText.quoted($0))" } ?? "")
                    + Self.list(all)
            )
        }
        guard chosen.count == 1 else {
            throw NoSuchChain(
                "\(access.location) has \(chosen.count) logs\(beginning == nil ? "" : " with such keys"); name one with --chain"
                    + Self.list(chosen)
            )
        }
        return chain
    }

    /// Reads one as its own machine would, once every record and seal of it is what that wrote: others can write here too.
    package func reader(of chain: FleetChain) throws -> AuditReader {
        try ReceiptExport.refusing(name(of: chain)) {
            AuditReader(database: try verified(chain).database, path: name(of: chain))
        }
    }

    /// Says whether one is what its machine wrote: every record and seal, in order, under its own key.
    ///
    /// Where it ends is for checkpoints to say, or for its machine; recorded bodies stay with that.
    package func verify(_ chain: FleetChain) throws -> AuditVerification {
        do {
            return .verified(try verified(chain).head)
        } catch let stop as Stop {
            return .broken(stop.finding)
        }
    }

    /// A copy of one, and where it ends; throws `Stop` at what its machine did not write.
    private func verified(_ chain: FleetChain) throws -> (database: DatabaseQueue, head: VerifiedHead) {
        let trust = try Self.trust(in: chain)
        let database = try FleetCopy(chain, of: access).database
        var check = ChainCheck(trust, bodies: nil)
        do {
            try database.read { try check.run($0) }
        } catch let error as DatabaseError {
            throw AuditStoreError("verify", name(of: chain), error)
        }
        return (database, check.reached)
    }

    /// Its own key, and no head: that is on its machine.
    static func trust(in chain: FleetChain) throws -> StoreTrust {
        guard chain.key.utf8.count == FleetLimits.chain, let octets = Data(hex: chain.key.utf8),
            let key = VerifyingKey(octets), key.octets.hex.isSame(as: chain.key)
        else { throw Stop(.key, "\(TerminalText.escaped(chain.key)) is no key: no machine wrote this log") }
        return StoreTrust(key: key, head: .empty)
    }

    private func name(of chain: FleetChain) -> String {
        "\(access.location), chain \(TerminalText.escaped(chain.key))"
    }

    /// Names that are shown at most.
    private static let shown = 20

    private static func list(_ chains: [FleetChain]) -> String {
        guard !chains.isEmpty else { return "" }
        let lines = chains.prefix(shown).map { "\n  \(TerminalText.escaped($0.key))  \($0.last) records" }
        return ":" + lines.joined() + (chains.count > shown ? "\n  and \(chains.count - shown) more" : "")
    }
}

/// There is no such log in the database, or more than one.
package struct NoSuchChain: Error, Sendable, CustomStringConvertible {
    package let description: String

    fileprivate init(_ description: String) {
        self.description = description
    }
}
