internal import CPostgres
internal import Glibc

/// What the program takes from itself before it reads anything.
enum Confinement {
    /// Its memory holds a password: nobody may look at it, nor is it written to a file.
    static func enter() {
        guard cpg_hide() == 0 else { exit(4) }
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) == 0 else { exit(4) }
    }
}
