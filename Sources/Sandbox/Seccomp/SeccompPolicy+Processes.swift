extension SeccompPolicy {
    static let processGroups: [SeccompGroup] = [
        SeccompGroup(
            "other-processes",
            "They read or change another process's memory, descriptors or state.",
            refuse: [
                "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "process_madvise",
                "process_mrelease",
            ]
        ),
        SeccompGroup(
            "keyrings",
            "Keys of the same user outside are reachable through them.",
            refuse: ["add_key", "keyctl", "request_key"]
        ),
        SeccompGroup(
            "personality",
            "Switching off address randomisation, or making readable memory executable, only helps exploits.",
            rules: [SeccompRule("personality", when: .argument(0, .low32Mixed))]
        ),
        SeccompGroup(
            "process-control",
            "PR_SET_MM forges /proc entries; PR_SCHED_CORE steals cores; modify_ldt is old x86 attack surface.",
            rules: [
                SeccompRule("prctl", when: .argument(0, .low32(in: [35, 62]))),
                SeccompRule("modify_ldt"),
            ]
        ),
        SeccompGroup(
            "filter-listeners",
            "A listener decides calls for its children; a chain has room for one, and it is not the agent's.",
            rules: [
                SeccompRule(
                    "seccomp",
                    when: .argument(0, .low32(in: [1])),
                    .argument(1, .anyBit(of: 1 << 3))
                )
            ]
        ),
        SeccompGroup(
            "real-time",
            "Real-time classes starve everyone else. sched_setattr keeps its policy in memory: refused whole.",
            rules: [
                SeccompRule(
                    "sched_setscheduler",
                    when: .argument(1, .masked(0xbfff_ffff, in: [1, 2, 6]))
                ),
                SeccompRule("sched_setattr"),
                SeccompRule("ioprio_set", when: .argument(2, .masked(0xe000, in: [0x2000]))),
            ]
        ),
        SeccompGroup(
            "numa",
            "They move pages of other processes or reveal where memory lies.",
            refuse: ["mbind", "move_pages", "migrate_pages", "set_mempolicy", "set_mempolicy_home_node"]
        ),
    ]
}
