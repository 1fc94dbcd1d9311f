internal import Glibc

/// Whoever started this program, and has the other end of its standard input.
enum Owner {
    /// Sees to it that this process ends when that end is closed, also while libpq waits for a server.
    static func endWith() {
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread,
            nil,
            { _ -> UnsafeMutableRawPointer? in
                // POLLHUP is told unasked.
                var end = pollfd(fd: STDIN_FILENO, events: 0, revents: 0)
                while unsafe poll(&end, 1, -1) <= 0 {}
                _exit(0)
            },
            nil
        )
        guard status == 0 else { exit(4) }
    }
}
