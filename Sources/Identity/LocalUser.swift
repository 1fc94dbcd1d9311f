internal import Glibc
package import Model

/// The user on whose behalf Bailey runs.
package enum LocalUser {
    /// By the kernel's credential of this process: the real user id and its name in the user database, or the
    /// number where it has none.
    ///
    /// Variables such as `SUDO_USER` are anybody's to set and are not asked.
    ///
    /// - Throws: where the user database does not answer: by another name than always they would be another principal.
    package static func principal() throws(LookupFailure) -> Principal { try principal(of: getuid()) }

    /// The same for the records of what somebody does: by the number, as `#NUMBER`, where the name cannot be looked up.
    ///
    /// Nothing is decided by it, and a revocation is not to wait for a name.
    package static func recorded() -> Principal {
        let uid = getuid()
        return (try? principal(of: uid)) ?? Principal(localUser: "#\(uid)", uid: uid)
    }

    /// The local user of a real user id that the kernel has said.
    ///
    /// Of two sources of users, the files and a directory, both may have one of a name: whose number the name does not lead back to
    /// is known by the number, and not by what is another's name.
    package static func principal(of uid: UInt32) throws(LookupFailure) -> Principal {
        if let name = try name(of: uid), try !isAnothers(name, than: uid) {
            return Principal(localUser: name, uid: uid)
        }
        return Principal(localUser: try number(uid), uid: uid)
    }

    /// The user of a name, with the id that the user database has for it, or of a number, `NUMBER` or `#NUMBER`, by which whoever has
    /// it is known; nil where there is none.
    package static func principal(named name: String) throws(LookupFailure) -> Principal? {
        if let uid = try id(of: name) { return Principal(localUser: name, uid: uid) }
        let digits = name.begins(with: "#") ? String(name.dropFirst(bytes: 1)) : name
        guard let uid = UInt32(digits), uid != Principal.unknownUser else { return nil }
        // Of one that has a name, or is written otherwise, the kernel's word would be another principal's.
        let user = try principal(of: uid)
        return user.subject.isSame(as: Principal(localUser: name, uid: uid).subject) ? user : nil
    }

    /// The number as a name; behind a `#`, as in sudoers(5), where another user is called so.
    private static func number(_ uid: uid_t) throws(LookupFailure) -> String {
        try isAnothers("\(uid)", than: uid) ? "#\(uid)" : "\(uid)"
    }

    /// Whether the user database has a name for another user.
    private static func isAnothers(_ name: String, than uid: uid_t) throws(LookupFailure) -> Bool {
        try id(of: name).map { $0 != uid } ?? false
    }

    private static let file = "/etc/passwd"
    /// Octets for one entry of the user database; entries of directory services can be long (getpwuid_r(3)).
    private static let bufferSize = 64 * 1024

    private static func id(of name: String) throws(LookupFailure) -> uid_t? {
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: bufferSize)
        let (status, uid) = unsafe buffer.withUnsafeMutableBufferPointer { storage -> (Int32, uid_t?) in
            guard let base = storage.baseAddress else { return (ENOMEM, nil) }
            let status = unsafe getpwnam_r(name, &entry, base, storage.count, &found)
            return (status, status == 0 ? unsafe found?.pointee.pw_uid : nil)
        }
        guard status == 0 else { throw LookupFailure("\"\(name)\"", in: file, errno: status) }
        return uid
    }

    private static func name(of uid: uid_t) throws(LookupFailure) -> String? {
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: bufferSize)
        let (status, name) = unsafe buffer.withUnsafeMutableBufferPointer { storage -> (Int32, String?) in
            guard let base = storage.baseAddress else { return (ENOMEM, nil) }
            let status = unsafe getpwuid_r(uid, &entry, base, storage.count, &found)
            guard status == 0, let found = unsafe found, let name = unsafe found.pointee.pw_name else {
                return (status, nil)
            }
            return unsafe (status, String(cString: name))
        }
        guard status == 0 else { throw LookupFailure("user id \(uid)", in: file, errno: status) }
        return name.flatMap { $0.isEmpty ? nil : $0 }
    }
}
