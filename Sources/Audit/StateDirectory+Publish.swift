internal import Foundation
internal import Glibc

extension StateDirectory {
    /// Makes a file with this content, whole and durable or not at all; leaves an existing one alone.
    func publish(_ content: Data, as name: String) throws(AuditStoreError) {
        let draft = ".\(name).\(getpid()).\(UInt64.random(in: .min ... .max))"
        guard let file = try PrivateFile.open(draft, in: self, .createNew) else {
            throw AuditStoreError("make", path + "/" + draft, errno: EEXIST, remedy: "try again")
        }
        defer { _ = unsafe unlinkat(descriptor, draft, 0) }
        try file.write(content)
        try file.synchronise()
        if unsafe linkat(descriptor, draft, descriptor, name, 0) != 0, errno != EEXIST {
            throw AuditStoreError("make", path + "/" + name, errno: errno, remedy: "make it writable")
        }
        try synchronise()
    }
}
