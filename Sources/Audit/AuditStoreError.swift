internal import GRDB
internal import Glibc

/// The store could not be opened, read or written: what was attempted, on what, why, and what to do now.
package struct AuditStoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A stable word for machines.
    package enum Code: String, Sendable {
        /// A directory or file is missing, unreachable, or not ours alone.
        case unsafeFile = "unsafe-file"
        /// The signing key is missing, malformed or not the one that signed the store.
        case key
        /// The store ends before its signed head, or its head is gone.
        case cut
        /// SQLite refused.
        case database
    }

    package let code: Code
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// A system call failed.
    init(_ stage: String, _ path: String, errno number: Int32, remedy: String) {
        self.init(.unsafeFile, "cannot \(stage) \(path): \(Self.text(of: number)); \(remedy)")
    }

    /// SQLite's refusal in words that say what to do.
    init(_ attempt: String, _ path: String, _ error: any Error) {
        guard let refusal = error as? DatabaseError else {
            self.init(.database, "cannot \(attempt) \(path): \(error)")
            return
        }
        let reason = refusal.message ?? "SQLite error \(refusal.resultCode.rawValue)"
        self.init(
            .database,
            "cannot \(attempt) \(path): \(reason) (SQLite \(refusal.extendedResultCode.rawValue)); "
                + Self.remedy(refusal.resultCode)
        )
    }

    package var description: String { message }

    static func text(of number: Int32) -> String {
        unsafe strerror(number).map { unsafe String(cString: $0) } ?? "errno \(number)"
    }

    private static func remedy(_ code: ResultCode) -> String {
        switch code {
        case .SQLITE_FULL: "free space on its file system"
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN: "make the file and its directory writable"
        case .SQLITE_BUSY, .SQLITE_LOCKED: "another process holds it for too long: end that process"
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            "set the whole store aside and restore it from a copy, or begin a new one"
        case .SQLITE_IOERR: "check the disk and its free space"
        default: "see https://www.sqlite.org/rescode.html"
        }
    }
}
