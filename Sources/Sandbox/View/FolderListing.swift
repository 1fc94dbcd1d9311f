internal import Glibc
internal import Model

/// The names in a folder of the host.
enum FolderListing {
    /// More than any /etc has; bounds the walk.
    private static let maximumNames = 10_000

    /// Without hidden ones; none when the folder cannot be read.
    static func names(in path: String) -> [String] {
        guard let folder = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while names.count < maximumNames, let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.begins(with: ".") { names.append(name) }
        }
        return names
    }
}
