extension Attack {
    /// Section S.
    static let calls: [Attack] = [
        Attack(
            id: "S01",
            tries: "a process or thread without the filter, init included",
            words: "./syscalls S01",
            control: .plain()
        ),
        Attack(
            id: "S02",
            tries: "clone3: any answer but ENOSYS keeps C libraries from falling back",
            words: "./syscalls S02",
            control: .plain()
        ),
        Attack(
            id: "S03",
            tries: "clone flags with others, and with high bits",
            words: "./syscalls S03",
            control: .ordinary
        ),
        Attack(
            id: "S04",
            tries: "every mount call, old and new",
            words: "./syscalls S04",
            control: .namespaces()
        ),
        Attack(
            id: "S05",
            tries: "call numbers that nobody knows: any answer but ENOSYS",
            words: "./syscalls S05",
            control: .same
        ),
        Attack(
            id: "S06",
            tries: "io_uring",
            words: "./syscalls S06",
            control: .plain(lacking: ["ENOSYS", "EPERM"])
        ),
        Attack(
            id: "S07",
            tries: "bpf, perf_event_open, userfaultfd",
            words: "./syscalls S07",
            control: .root()
        ),
        Attack(
            id: "S08",
            tries: "add_key, keyctl, request_key",
            words: "./syscalls S08",
            control: .plain()
        ),
        Attack(
            id: "S10",
            tries: "mbind, move_pages, migrate_pages, set_mempolicy",
            words: "./syscalls S10",
            control: .plain(lacking: ["ENOSYS"])
        ),
        Attack(
            id: "S11",
            tries: "fanotify, the kernel's log, uselib",
            words: "./syscalls S11",
            control: .root()
        ),
        Attack(
            id: "S12",
            tries: "pages lent to a pipe",
            words: "./syscalls S12",
            control: .plain()
        ),
        Attack(
            id: "S13",
            tries: "TIOCSTI, also with high bits",
            words: "./syscalls S13",
            control: .root()
        ),
        Attack(
            id: "S14",
            tries: "TIOCLINUX: any answer but EPERM comes from the terminal's code",
            words: "./syscalls S14",
            control: .plain()
        ),
        Attack(
            id: "S15",
            tries: "flags of files that the host has to undo",
            words: "./syscalls S15",
            control: .plain(lacking: ["ENOTTY", "EOPNOTSUPP"])
        ),
        Attack(
            id: "S16",
            tries: "a filter of one's own that listens, or allows",
            words: "./syscalls S16",
            control: .plain()
        ),
        Attack(
            id: "S19",
            tries: "a static i386 program",
            words: "./syscalls S19",
            control: .plain(lacking: ["ENOEXEC", "SIGSEGV"])
        ),
        Attack(
            id: "S21",
            tries: "PR_SET_MM, also with high bits",
            words: "./syscalls S21",
            control: .plain(lacking: ["EINVAL"])
        ),
        Attack(
            id: "S22",
            tries: "memfd_secret, and another process's memory",
            words: "./syscalls S22",
            // A kernel may have no memfd_secret (secretmem.enable), and no page of its parent's where it looks.
            control: .plain(lacking: ["EINVAL"])
        ),
    ]
}
