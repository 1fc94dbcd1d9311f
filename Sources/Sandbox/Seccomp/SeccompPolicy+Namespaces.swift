extension SeccompPolicy {
    static let namespaceGroups: [SeccompGroup] = [
        SeccompGroup(
            "mount",
            "The view of files is fixed before the program starts; old and new mount calls alike would redraw it.",
            refuse: [
                "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsconfig",
                "fsmount", "fspick", "mount_setattr", SystemCall("open_tree_attr", 467),
            ]
        ),
        SeccompGroup(
            "mount-listing",
            "They name the host paths behind the view.",
            refuse: [SystemCall("statmount", 457), SystemCall("listmount", 458)]
        ),
        SeccompGroup(
            "namespaces",
            "A user namespace of its own gives a program capabilities, and nf_tables and mounts with them.",
            rules: [
                SeccompRule("unshare", "setns"),
                SeccompRule("clone", when: .argument(0, .anyBit(of: cloneNamespaceFlags))),
                SeccompRule("ioctl", when: .argument(1, .low32(in: namespaceRequests))),
            ]
        ),
        SeccompGroup(
            "clone3",
            "Its flags lie in memory, where a filter cannot look; C libraries fall back to clone.",
            .noSuchCall,
            refuse: ["clone3"]
        ),
        SeccompGroup(
            "host-name",
            "The name belongs to the launcher.",
            refuse: ["sethostname", "setdomainname"]
        ),
    ]

    /// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET (linux/sched.h).
    ///
    /// CLONE_NEWTIME shares its
    /// bit with the exit signal and works in unshare and clone3 only.
    private static let cloneNamespaceFlags: UInt64 = 0x7e02_0000

    /// NS_GET_USERNS, NS_GET_PARENT, NS_GET_NSTYPE, NS_GET_OWNER_UID (linux/nsfs.h).
    private static let namespaceRequests: [UInt64] = [0xb701, 0xb702, 0xb703, 0xb704]
}
