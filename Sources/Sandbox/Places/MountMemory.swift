internal import Synchronization

/// What is mounted, read for each launch and understood once while it is the same.
///
/// It is read each time, since renaming a folder changes the list without an event that poll(2) would tell of.
final class MountMemory: Sendable {
    private struct Known {
        var text: [UInt8]
        var table: MountTable
    }

    private let known = Mutex<Known?>(nil)

    /// Nil when the list cannot be read.
    func table() -> MountTable? {
        guard let text = MountTable.bytes() else { return nil }
        return known.withLock { known in
            if let known, known.text == text { return known.table }
            let table = MountTable(text)
            known = Known(text: text, table: table)
            return table
        }
    }
}
