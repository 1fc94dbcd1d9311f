internal import Foundation
internal import Glibc

/// What a program that a test starts is given as its standard streams, and that it is given nothing else.
///
/// Gateways that other tests run in this process have sockets that are not marked close-on-exec.
enum SpawnActions {
    private typealias CloseFrom =
        @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32

    /// Calls `body` with actions that make the descriptors the new program's 0, 1, 2 and close all others.
    static func with<Result>(
        streams: [Int32],
        _ body: (inout posix_spawn_file_actions_t) throws -> Result
    ) throws -> Result {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, descriptor) in streams.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
        }
        // Glibc's module does not have it: it wants _GNU_SOURCE.
        guard let symbol = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") else {
            throw POSIXError(.ENOSYS)
        }
        _ = unsafeBitCast(symbol, to: CloseFrom.self)(&actions, Int32(streams.count))
        return try body(&actions)
    }
}
