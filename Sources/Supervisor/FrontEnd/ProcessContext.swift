internal import Glibc
internal import Linux

/// The environment this process was given.
enum ProcessEnvironment {
    /// Every entry that is valid UTF-8, as it stands.
    static var entries: [String] {
        var entries: [String] = []
        var cursor = unsafe environ
        while let entry = unsafe cursor.pointee {
            if let text = unsafe String(validatingCString: entry) { entries.append(text) }
            unsafe cursor += 1
        }
        return entries
    }

    /// Name to value; of a repeated name the first, as getenv(3) has it.
    static var dictionary: [String: String] {
        var result: [String: String] = [:]
        for entry in entries {
            guard let equals = entry.firstIndex(of: "=") else { continue }
            let name = String(entry[..<equals])
            if result[name] == nil { result[name] = String(entry[entry.index(after: equals)...]) }
        }
        return result
    }
}

/// Where this process stands.
enum WorkingDirectory {
    /// The absolute path; nil when the directory is gone or cannot be reached.
    static var current: String? { PathText.currentDirectory }

    /// A path made absolute against the current directory.
    static func absolute(_ path: String) -> String { absolute(path, from: current ?? "/") }

    /// A path made absolute against a directory, with `.` and `..` taken out by their text.
    static func absolute(_ path: String, from directory: String) -> String {
        let full = path.hasPrefix("/") ? path : directory + "/" + path
        var parts: [Substring] = []
        for part in full.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}

/// The user's home directory.
enum HomeFolder {
    /// `$HOME` when it is a path, else the account's.
    static var current: String {
        let named = unsafe getenv("HOME").flatMap { unsafe String(validatingCString: $0) }
        return named.flatMap { $0.hasPrefix("/") ? $0 : nil } ?? AccountEntry.current().home
    }
}

/// The file mode creation mask of this process.
enum FileModeMask {
    /// Read by setting it (umask(2)): call while nothing else makes files.
    static var current: UInt32 {
        let mask = umask(0o077)
        _ = umask(mask)
        return UInt32(mask) & 0o777
    }
}
