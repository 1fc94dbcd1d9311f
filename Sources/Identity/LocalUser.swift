internal import Glibc
package import Model

/// The user on whose behalf Bailey runs.
package enum LocalUser {
    /// By the kernel's credential of this process: the real user id and its name in the user database, or the
    /// number where it has none.
    ///
    /// Variables such as `SUDO_USER` are anybody's to set and are not asked.
    package static func principal() -> Principal { principal(of: getuid()) }

    /// The local user of a real user id that the kernel has said.
    ///
    /// Of two sources of users, the files and a directory, both may have one of a name: whose number the name does not lead back to
    /// is known by the number, and not by what is another's name.
    package static func principal(of uid: UInt32) -> Principal {
        let name = name(of: uid).flatMap { isAnothers($0, than: uid) ? nil : $0 }
        return Principal(localUser: name ?? number(uid), uid: uid)
    }

    /// The user of a name, with the id that the user database has for it; nil where there is none.
    package static func principal(named name: String) -> Principal? {
        id(of: name).map { Principal(localUser: name, uid: $0) }
    }

    /// The number as a name; behind a `#`, as in sudoers(5), where another user is called so.
    private static func number(_ uid: uid_t) -> String {
        isAnothers("\(uid)", than: uid) ? "#\(uid)" : "\(uid)"
    }

    /// Whether the user database has a name for another user; where it does not answer nobody is taken for another.
    private static func isAnothers(_ name: String, than uid: uid_t) -> Bool {
        id(of: name).map { $0 != uid } ?? false
    }

    /// Octets for one entry of the user database; entries of directory services can be long (getpwuid_r(3)).
    private static let bufferSize = 64 * 1024

    private static func id(of name: String) -> uid_t? {
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: bufferSize)
        return unsafe buffer.withUnsafeMutableBufferPointer { storage in
            guard let base = storage.baseAddress,
                unsafe getpwnam_r(name, &entry, base, storage.count, &found) == 0,
                let found = unsafe found
            else { return nil }
            return unsafe found.pointee.pw_uid
        }
    }

    private static func name(of uid: uid_t) -> String? {
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: bufferSize)
        return unsafe buffer.withUnsafeMutableBufferPointer { storage in
            guard let base = storage.baseAddress,
                unsafe getpwuid_r(uid, &entry, base, storage.count, &found) == 0,
                let found = unsafe found, let name = unsafe found.pointee.pw_name
            else { return nil }
            let text = unsafe String(cString: name)
            return text.isEmpty ? nil : text
        }
    }
}
