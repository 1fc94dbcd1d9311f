/// Bounds on what is looked at of a tree that an agent filled.
package enum CopyLimits {
    /// Entries of one copied folder, and of the host's that a change takes away.
    ///
    /// More than a large source tree with its dependencies has; beyond it a copy can only be discarded.
    package static let entries = 2_000_000
    /// Folders below one another: two descriptors each stay below the common limit of 1024 (RLIMIT_NOFILE).
    package static let depth = 128
    /// Bytes of a copy's record: a profile's paths, many times over.
    static let record = 4 << 20
    /// Runs and agents listed: the names in one folder of the state directory.
    static let copies = 100_000
}
