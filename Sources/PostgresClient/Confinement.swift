internal import CPostgres
internal import Glibc

/// What the program takes from itself: libpq reads what a server says, which may be hostile.
enum Confinement {
    /// Octets of memory: a frame of the largest record, in each of the forms that it has on its way.
    private static let memory: rlim_t = 512 << 20
    /// Descriptors: a connection, files of TLS, and those of name services.
    private static let descriptors: rlim_t = 64
    /// Folders with what libpq and its libraries read: libraries, roots, and where names are looked up.
    private static let folders = [
        "/etc", "/usr", "/lib", "/lib64", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
    ]
    /// Keywords of files that the operator names.
    private static let files = ["sslrootcert", "sslcert", "sslkey"]

    /// Before anything is read: nobody may look at its memory, which holds a password, nor is it written to a file.
    static func enter() {
        guard cpg_hide() == 0 else { exit(4) }
        bound(rlimit(rlim_cur: 0, rlim_max: 0), RLIMIT_CORE)
        bound(rlimit(rlim_cur: 0, rlim_max: 0), RLIMIT_FSIZE)
        bound(rlimit(rlim_cur: memory, rlim_max: memory), RLIMIT_AS)
        bound(rlimit(rlim_cur: descriptors, rlim_max: descriptors), RLIMIT_NOFILE)
    }

    private static func bound(_ limit: rlimit, _ resource: __rlimit_resource) {
        var limit = limit
        guard unsafe setrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else { exit(4) }
    }

    /// Before a server is asked, and before there is another thread: of the user's files those alone can be read that a connection
    /// needs, where the kernel has Landlock.
    ///
    /// - Parameter words: libpq's keywords, each with its value behind it.
    static func narrow(to words: [String]) {
        let rules = cpg_landlock_begin()
        guard rules >= 0 else {
            guard errno == ENOSYS || errno == EOPNOTSUPP else { exit(4) }
            return
        }
        defer { _ = close(rules) }
        let named = stride(from: 0, to: words.count, by: 2).filter { files.contains(words[$0]) }
            .map { words[$0 + 1] }
        for path in folders + named {
            guard unsafe cpg_landlock_read(rules, path) == 0 else { exit(4) }
        }
        guard cpg_landlock_enter(rules) == 0 else { exit(4) }
    }
}
