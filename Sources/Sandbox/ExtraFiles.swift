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
    private let whole: [UInt8]

    /// Takes the files, by their paths inside.
    package init(_ files: [(path: String, bytes: [UInt8])]) throws(SystemCallError) {
        var whole: [UInt8] = []
        var parts: [Part] = []
        for (path, bytes) in files {
            parts.append(Part(path: path, offset: UInt64(whole.count), size: UInt64(bytes.count)))
            whole += bytes
        }
        self.parts = parts
        self.whole = whole
        memory = try SealedMemory.holding(whole, name: "bailey-files")
    }

    var descriptor: Int32 { memory.rawValue }

    /// One file's bytes.
    func bytes(of part: Part) -> [UInt8] { Array(whole[Int(part.offset)..<Int(part.offset + part.size)]) }
}
