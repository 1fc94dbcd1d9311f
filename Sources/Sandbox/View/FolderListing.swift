internal import Glibc
internal import Linux
internal import Model

/// The names in a folder of the host.
enum FolderListing {
    /// More than any /etc has; bounds the walk.
    private static let maximumNames = 10_000

    /// Without hidden ones; none when the folder cannot be read.
    static func names(in path: String) -> [String] { entries(in: path).map(\.name) }

    /// The symbolic links among them.
    static func links(in path: String) -> [String] {
        entries(in: path).filter { entry in
            switch entry.kind {
            case DT_LNK: true
            // Some file systems do not tell (readdir(3)).
            case DT_UNKNOWN: PathText.target(of: "\(path)/\(entry.name)") != nil
            default: false
            }
        }.map(\.name)
    }

    private static func entries(in path: String) -> [(name: String, kind: Int)] {
        guard let folder = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(folder) }
        var entries: [(name: String, kind: Int)] = []
        while entries.count < maximumNames, let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.begins(with: ".") { entries.append((name, unsafe Int(entry.pointee.d_type))) }
        }
        return entries
    }
}
