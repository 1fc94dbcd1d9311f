internal import Glibc

/// Paths as the kernel gives them.
package enum PathText {
    /// What a symbolic link points to (readlink(2)); nil when the path is none.
    package static func target(of path: String) -> String? {
        unsafe text { unsafe readlink(path, $0, $1) }
    }

    /// The path without symbolic links (realpath(3)); nil when it does not exist or cannot be reached.
    package static func resolved(_ path: String) -> String? {
        unsafe text { buffer, _ in unsafe realpath(path, buffer) == nil ? -1 : strlen(buffer) }
    }

    /// The current directory (getcwd(3)); nil when it is gone or out of reach.
    package static var currentDirectory: String? {
        let path = unsafe text { unsafe getcwd($0, $1) == nil ? -1 : strlen($0) }
        return path.flatMap { $0.utf8.first == UInt8(ascii: "/") ? $0 : nil }
    }

    /// Runs a call that fills a buffer and says how much of it; nil when it failed or filled all of it.
    private static func text(_ fill: (UnsafeMutablePointer<CChar>, Int) -> some BinaryInteger) -> String? {
        let size = Int(PATH_MAX)
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            let filled = unsafe buffer.withMemoryRebound(to: CChar.self) { chars -> Int in
                guard let base = chars.baseAddress else { return -1 }
                return unsafe Int(fill(base, size))
            }
            count = filled > 0 && filled < size ? filled : 0
        }
        return bytes.isEmpty ? nil : String(validating: bytes, as: UTF8.self)
    }
}
