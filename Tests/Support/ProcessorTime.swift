import Glibc

/// Seconds of processor time that this thread has used (CLOCK_THREAD_CPUTIME_ID), for benches: neither other work on the
/// machine nor that of other tests counts.
package func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
