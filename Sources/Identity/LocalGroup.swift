internal import Glibc

/// Groups of this machine's group database (group(5)).
package enum LocalGroup {
    private static let file = "/etc/group"
    /// Octets for one entry: it holds the names of all its members (getgrnam_r(3)).
    private static let sizes = [64 << 10, 1 << 20, 16 << 20]

    /// What a number is called; nil where it has no name, or one that is another number's: of two sources of groups, the files and a
    /// directory, both may have one of that name.
    package static func name(of group: UInt32) -> String? {
        // Of one that cannot be looked up nobody is a member.
        guard let found = unsafe try? entry("\(group)", { unsafe getgrgid_r(group, $0, $1, $2, $3) }),
            let number = try? number(of: found.name), number == group
        else { return nil }
        return found.name
    }

    /// The number of a name; nil where there is no such group.
    package static func number(of name: String) throws(LookupFailure) -> UInt32? {
        unsafe try entry(name) { unsafe getgrnam_r(name, $0, $1, $2, $3) }?.number
    }

    private static func entry(
        _ title: String,
        _ find: (
            UnsafeMutablePointer<group>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<group>?>
        ) -> Int32
    ) throws(LookupFailure) -> (name: String, number: UInt32)? {
        for size in sizes {
            var entry = unsafe group()
            var found: UnsafeMutablePointer<group>?
            var buffer = [CChar](repeating: 0, count: size)
            let (status, answer) = unsafe buffer.withUnsafeMutableBufferPointer {
                storage -> (Int32, (name: String, number: UInt32)?) in
                guard let base = storage.baseAddress else { return (ENOMEM, nil) }
                let status = unsafe find(&entry, base, storage.count, &found)
                guard status == 0, let found = unsafe found, let name = unsafe found.pointee.gr_name else {
                    return (status, nil)
                }
                return unsafe (status, (String(cString: name), found.pointee.gr_gid))
            }
            if status == 0 { return answer.flatMap { $0.name.isEmpty ? nil : $0 } }
            guard status == ERANGE else { throw LookupFailure("\"\(title)\"", in: file, errno: status) }
        }
        throw LookupFailure("\"\(title)\"", in: file, errno: ERANGE)
    }
}
