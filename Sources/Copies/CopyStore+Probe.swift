internal import CSandbox
internal import Glibc
package import Linux
internal import Model

extension CopyStore {
    /// Whether a copy can be made here: tried in a throw-away child, on the file system of the state directory.
    ///
    /// Nil when it can.
    package func probe() -> SystemCallError? {
        do throws(SystemCallError) {
            let parent = try existingParent()
            let name = ".bailey-probe-\(UInt64.random(in: .min ... .max))"
            guard let own = EntryName(Array(name.utf8)) else { return nil }
            let top = try Folder.open(parent)
            defer { try? Removal.remove(own, in: top) }
            for folder in ["", "/lower", "/lower/inner", "/layer", "/layer/upper", "/layer/work"] {
                guard unsafe mkdir(parent + "/" + name + folder, 0o700) == 0 else {
                    throw SystemCallError(stage: "mkdir", object: parent, errno: errno)
                }
            }
            let folder = try top.folder(own)
            let result = csb_probe_overlay(folder.descriptor.rawValue)
            guard result == 0 else {
                throw SystemCallError(stage: "mount overlay", object: parent, errno: -result)
            }
            return nil
        } catch {
            return error
        }
    }

    /// The nearest folder that is there: nothing of Bailey's is made by looking.
    private func existingParent() throws(SystemCallError) -> String {
        var folder = path[...]
        while let slash = folder.lastPlace(of: "/"), slash > folder.startIndex {
            if unsafe access(String(folder), F_OK) == 0 { break }
            folder = folder[..<slash]
        }
        guard unsafe access(String(folder), W_OK | X_OK) == 0 else {
            throw SystemCallError(stage: "access", object: String(folder), errno: errno)
        }
        guard let resolved = PathText.resolved(String(folder)) else {
            throw SystemCallError(stage: "realpath", object: String(folder), errno: errno)
        }
        return resolved
    }
}
