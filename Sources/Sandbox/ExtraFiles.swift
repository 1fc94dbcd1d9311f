package import Linux

/// Files that the supervisor puts, read-only, into every agent's view: in memory once, whatever the number of agents.
package final class ExtraFiles: Sendable {
    /// Where a file's bytes are in the memory.
    struct Part: Sendable, Hashable {
        /// Path inside.
        let path: String
        let offset: UInt64
        let size: UInt64
    }

    let parts: [Part]
    private let memory: OwnedDescriptor
    /// Of each, in the same order.
    private let pieces: [[[UInt8]]]

    /// Takes the files, by their paths inside; each is its pieces, one behind the other.
    package init(_ files: [(path: String, pieces: [[UInt8]])]) throws(SystemCallError) {
        var parts: [Part] = []
        var offset: UInt64 = 0
        for (path, pieces) in files {
            let size = UInt64(pieces.reduce(0) { $0 + $1.count })
            parts.append(Part(path: path, offset: offset, size: size))
            offset += size
        }
        self.parts = parts
        pieces = files.map(\.pieces)
        memory = try SealedMemory.holding(files.flatMap(\.pieces), name: "bailey-files")
    }

    var descriptor: Int32 { memory.rawValue }

    /// One file's bytes.
    func bytes(of part: Part) -> [UInt8] {
        parts.firstIndex(of: part).map { Array(pieces[$0].joined()) } ?? []
    }
}
