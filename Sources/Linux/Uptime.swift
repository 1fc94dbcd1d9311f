internal import Glibc

/// Time that nobody sets.
package enum Uptime {
    /// CLOCK_MONOTONIC, in milliseconds.
    package static func milliseconds() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(clamping: time.tv_sec) * 1000 + UInt64(clamping: time.tv_nsec) / 1_000_000
    }

    /// CLOCK_BOOTTIME, in milliseconds: it goes on while the machine sleeps.
    package static func withSleep() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return UInt64(clamping: time.tv_sec) * 1000 + UInt64(clamping: time.tv_nsec) / 1_000_000
    }
}
