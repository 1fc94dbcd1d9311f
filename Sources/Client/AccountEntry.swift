internal import Glibc

/// The user's entry in the account database.
package struct AccountEntry {
    package let name: String
    package let home: String

    /// By the real user id; a user without an entry is called by number and has no home but `/`.
    package static func current() -> AccountEntry {
        guard let entry = unsafe getpwuid(getuid()) else {
            return AccountEntry(name: "\(getuid())", home: "/")
        }
        return unsafe AccountEntry(
            name: String(cString: entry.pointee.pw_name),
            home: String(cString: entry.pointee.pw_dir)
        )
    }
}
