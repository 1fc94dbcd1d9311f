internal import Glibc

/// The clock that lifetimes are measured on: it does not step, and goes on while the machine sleeps.
enum MonotonicClock {
    /// CLOCK_BOOTTIME, clock_gettime(2).
    static func milliseconds() -> Int64 {
        var now = timespec()
        _ = unsafe clock_gettime(CLOCK_BOOTTIME, &now)
        return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
    }
}
