import Glibc

/// Seconds of processor time that this process has used (CLOCK_PROCESS_CPUTIME_ID), for benches.
package func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
