internal import CSandbox
internal import Glibc
internal import Linux

/// What a folder says of one name in it.
struct FolderEntry: Sendable {
    enum Kind: Sendable {
        case folder
        case file
        case link
        case other
    }

    let name: [UInt8]
    let kind: Kind
}

/// Reads open folders, one buffer for all.
struct FolderReader: Sendable {
    /// As much as readdir(3) takes at once: a thousand entries or so.
    private var buffer = [UInt8](repeating: 0, count: 32 << 10)

    /// The next entries but `.` and `..`, in the folder's order; nil at its end.
    mutating func entries(of folder: Int32, path: String) throws(SystemCallError) -> [FolderEntry]? {
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe csb_entries(folder, bytes.baseAddress, bytes.count)
        }
        guard count >= 0 else { throw SystemCallError(stage: "getdents64", object: path, errno: -count) }
        guard count > 0 else { return nil }
        var entries: [FolderEntry] = []
        parse(Int(count), of: folder, into: &entries)
        return entries
    }

    /// One record (getdents(2)): inode and offset, 8 bytes each, the record's length, 2, its type, 1, and the name.
    private func parse(_ count: Int, of folder: Int32, into entries: inout [FolderEntry]) {
        var start = 0
        while start + 19 < count {
            let length = Int(buffer[start + 16]) | Int(buffer[start + 17]) << 8
            guard length > 19, start + length <= count else { return }
            let name = buffer[(start + 19)..<(start + length)].prefix { $0 != 0 }
            let isDots = name.count <= 2 && name.allSatisfy { $0 == UInt8(ascii: ".") }
            if !name.isEmpty, !isDots {
                let kind = Self.kind(buffer[start + 18]) ?? Self.looked(at: Array(name), in: folder)
                if let kind { entries.append(FolderEntry(name: Array(name), kind: kind)) }
            }
            start += length
        }
    }

    /// DT_DIR, DT_REG, DT_LNK of readdir(3); nil for DT_UNKNOWN: not every file system tells.
    private static func kind(_ type: UInt8) -> FolderEntry.Kind? {
        switch type {
        case 0: nil
        case 4: .folder
        case 8: .file
        case 10: .link
        default: .other
        }
    }

    private static func looked(at name: [UInt8], in folder: Int32) -> FolderEntry.Kind? {
        FileStatus.of(name, in: folder).map(\.kind)
    }
}

/// stat(2) of a name in a folder, links not followed.
enum FileStatus {
    static func of(_ name: [UInt8], in folder: Int32) -> stat? {
        var status = stat()
        // On the stack: it is asked of each of very many files.
        let result = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: name.count + 1) {
            buffer in
            for (index, byte) in name.enumerated() { unsafe buffer[index] = CChar(bitPattern: byte) }
            unsafe buffer[name.count] = 0
            return unsafe buffer.baseAddress.map { unsafe fstatat(folder, $0, &status, AT_SYMLINK_NOFOLLOW) }
                ?? -1
        }
        return result == 0 ? status : nil
    }
}

extension stat {
    var kind: FolderEntry.Kind {
        switch st_mode & S_IFMT {
        case S_IFDIR: .folder
        case S_IFREG: .file
        case S_IFLNK: .link
        default: .other
        }
    }
}
