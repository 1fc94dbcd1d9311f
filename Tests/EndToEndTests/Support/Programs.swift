import Foundation

/// Programs that a test may use where the machine has them.
enum Programs {
    /// Whether a program is in the system's folders, where an agent finds it too.
    static func has(_ name: String) -> Bool {
        ["/usr/bin", "/usr/sbin", "/bin"].contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
        }
    }
}
