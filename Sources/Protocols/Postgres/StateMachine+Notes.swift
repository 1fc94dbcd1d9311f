internal import Model
package import NIOCore
package import Wire

// What was masked in what was passed on, however the statement ends: its client has it.
extension PostgresSession {
    mutating func count(_ more: [MaskKind: Int]) {
        found.merge(more) { $0 &+ $1 }
    }

    /// Rows that are passed on with these columns masked whole.
    mutating func count(_ rows: UInt64, with columns: Set<String>) {
        guard rows > 0 else { return }
        for name in columns { hidden[name, default: 0] &+= rows }
    }

    /// Makes room for the columns of another result.
    mutating func makeRoom(for columns: Set<String>) {
        if hidden.count + columns.count > PostgresLimits.hiddenColumns { tellMasked() }
    }

    /// Says it, of the statement whose results come.
    mutating func tellMasked() {
        defer { (found, hidden) = ([:], [:]) }
        guard let id = expected.first?.id else { return }
        if !found.isEmpty { outbox.append(.masked(id, .kinds(found))) }
        if !hidden.isEmpty { outbox.append(.masked(id, .columns(hidden))) }
    }

    /// The session ends without the engine's doing: what it has still to say.
    package mutating func abandoned() -> [EngineAction<ByteBuffer>] {
        tellMasked()
        return outbox.drain()
    }
}
