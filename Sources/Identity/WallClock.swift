internal import Glibc
package import Model

/// The clock that tokens are dated by.
package enum WallClock {
    /// CLOCK_REALTIME, clock_gettime(2).
    package static func now() -> Timestamp {
        var now = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Timestamp(milliseconds: Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000)
    }
}
