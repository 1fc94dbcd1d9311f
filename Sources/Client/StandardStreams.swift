internal import Glibc

/// The numbers 0, 1 and 2 of this process.
package enum StandardStreams {
    /// Gives numbers that the caller left closed to something that cannot be read or written either: what is opened
    /// next would get them, and be taken for a standard stream.
    ///
    /// Call before anything is opened.
    package static func occupy() {
        for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) < 0 {
            _ = unsafe open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }
}
