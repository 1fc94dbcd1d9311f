import Foundation

/// Programs that a test may use where the machine has them.
enum Programs {
    /// Whether a program is in the system's folders, where an agent finds it too.
    static func has(_ name: String) -> Bool {
        ["/usr/bin", "/usr/sbin", "/bin"].contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
        }
    }

    /// Whether Debian's Python has a module.
    static func hasPython(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: "/usr/lib/python3/dist-packages/\(name)")
    }

    /// Whether Debian's Perl has a module, by its file.
    static func hasPerl(_ file: String) -> Bool {
        FileManager.default.fileExists(atPath: "/usr/share/perl5/\(file)")
    }
}
