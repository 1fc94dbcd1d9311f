extension SeccompPolicy {
    static let kernelGroups: [SeccompGroup] = [
        SeccompGroup(
            "tracing",
            "Programs loaded into the kernel and its counters: a large surface, and a view of others.",
            refuse: ["bpf", "perf_event_open"]
        ),
        SeccompGroup(
            "fault-handling",
            "Holding a kernel copy at a page fault is how races in it are won; vmsplice lends pages after use.",
            refuse: ["userfaultfd", "vmsplice"]
        ),
        SeccompGroup(
            "secret-memory",
            "Memory that the limits do not see; callers fall back.",
            .noSuchCall,
            refuse: ["memfd_secret"]
        ),
        SeccompGroup(
            "io_uring",
            "It performs calls that no filter sees; callers fall back.",
            .noSuchCall,
            refuse: ["io_uring_setup", "io_uring_enter", "io_uring_register"]
        ),
        SeccompGroup(
            "modules",
            "Code in the kernel.",
            refuse: [
                "init_module", "finit_module", "delete_module", "create_module", "query_module",
                "get_kernel_syms",
            ]
        ),
        SeccompGroup(
            "machine",
            "They stop, replace or reconfigure the machine.",
            refuse: [
                "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "acct", "quotactl",
                "quotactl_fd",
            ]
        ),
        SeccompGroup(
            "clocks",
            "Time is everyone's. The adjtimex family also reads, but keeps that in memory: refused whole.",
            refuse: ["clock_settime", "settimeofday", "adjtimex", "clock_adjtime"]
        ),
        SeccompGroup("raw-io", "Ports of the machine.", refuse: ["iopl", "ioperm"]),
        SeccompGroup(
            "kernel-log",
            "The log holds addresses and other programs' names; hanging up a terminal takes it from others.",
            refuse: ["syslog", "vhangup"]
        ),
        SeccompGroup(
            "security-labels",
            "Labels are chosen by the launcher.",
            refuse: [SystemCall("lsm_set_self_attr", 460)]
        ),
        SeccompGroup(
            "obsolete",
            "Nothing current calls them.",
            refuse: ["lookup_dcookie", "nfsservctl", "uselib", "_sysctl"]
        ),
    ]
}
