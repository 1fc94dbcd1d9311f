import Glibc
import Profiles

/// A folder of files for one test, gone with it.
final class Folder: Sendable {
    let path: String

    init(_ files: [String: String]) throws {
        var template = Array("/tmp/profiles-test-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw FolderFailure() }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for (name, text) in files { try write(text, to: name) }
    }

    deinit {
        for folder in ["\(path)/tests", "\(path)/seccomp", path] {
            for name in TextFile.list(folder) where name != "." && name != ".." {
                _ = unsafe unlink("\(folder)/\(name)")
            }
            _ = unsafe rmdir(folder)
        }
    }

    func write(_ text: String, to name: String) throws {
        for folder in ["tests", "seccomp"] where name.hasPrefix(folder + "/") {
            _ = unsafe mkdir("\(path)/\(folder)", 0o700)
        }
        let descriptor = unsafe open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FolderFailure() }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        let written = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
        }
        guard written == bytes.count else { throw FolderFailure() }
    }

    var loader: ProfileLoader { ProfileLoader(search: ProfileSearch(folders: [path]), variables: variables) }
}

/// The folder of a test could not be made.
struct FolderFailure: Error {}
