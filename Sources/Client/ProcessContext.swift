internal import Glibc
internal import Linux
internal import Model

/// The environment this process was given.
package enum ProcessEnvironment {
    /// Every entry that is valid UTF-8, as it stands.
    package static let entries: [String] = {
        var entries: [String] = []
        var cursor = unsafe environ
        while let entry = unsafe cursor.pointee {
            if let text = unsafe String(validatingCString: entry) { entries.append(text) }
            unsafe cursor += 1
        }
        return entries
    }()

    /// Name to value, for names in ASCII; of a repeated name the first, as getenv(3) has it.
    package static let dictionary: [String: String] = {
        var result: [String: String] = [:]
        result.reserveCapacity(entries.count)
        for entry in entries {
            guard let equals = entry.firstPlace(of: "="), entry[..<equals].utf8.allSatisfy({ $0 < 0x80 })
            else {
                continue
            }
            let name = String(entry[..<equals])
            if result[name] == nil { result[name] = String(entry.rest(behind: equals)) }
        }
        return result
    }()
}

/// Where this process stands.
package enum WorkingDirectory {
    /// The absolute path; nil when the directory is gone or cannot be reached.
    package static var current: String? { PathText.currentDirectory }

    /// A path made absolute against the current directory.
    package static func absolute(_ path: String) -> String { absolute(path, from: current ?? "/") }

    /// A path made absolute against a directory, with `.` and `..` taken out by their text.
    package static func absolute(_ path: String, from directory: String) -> String {
        let full = path.begins(with: "/") ? path : directory + "/" + path
        var parts: [Substring] = []
        for part in full.cut(at: "/") where !part.isSame(as: ".") {
            if part.isSame(as: "..") { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}

/// The user's home directory.
package enum HomeFolder {
    /// `$HOME` when it is a path, else the account's.
    package static var current: String {
        let named = unsafe getenv("HOME").flatMap { unsafe String(validatingCString: $0) }
        return named.flatMap { $0.begins(with: "/") ? $0 : nil } ?? AccountEntry.current().home
    }
}

/// The file mode creation mask of this process.
package enum FileModeMask {
    /// Read by setting it (umask(2)): call while nothing else makes files.
    package static var current: UInt32 {
        let mask = umask(0o077)
        _ = umask(mask)
        return UInt32(mask) & 0o777
    }
}
