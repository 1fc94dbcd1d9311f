extension SeccompPolicy {
    static let fileGroups: [SeccompGroup] = [
        SeccompGroup(
            "file-handles",
            "A handle opens a file without a path, past every view; fanotify watches whole file systems.",
            refuse: ["name_to_handle_at", "open_by_handle_at", "fanotify_init", "fanotify_mark"]
        ),
        SeccompGroup(
            "setuid-bits",
            "A set-user-id or set-group-id file left in a workspace works for whoever runs it outside.",
            rules: [
                SeccompRule("chmod", "fchmod", when: .argument(1, .anyBit(of: setIDBits))),
                SeccompRule(
                    "fchmodat",
                    SystemCall("fchmodat2", 452),
                    when: .argument(2, .anyBit(of: setIDBits))
                ),
                SeccompRule("creat", "mknod", when: .argument(1, .anyBit(of: setIDBits))),
                SeccompRule("mknodat", when: .argument(2, .anyBit(of: setIDBits))),
                SeccompRule(
                    "open",
                    when: .argument(1, .anyBit(of: createFlags)),
                    .argument(2, .anyBit(of: setIDBits))
                ),
                SeccompRule(
                    "openat",
                    when: .argument(2, .anyBit(of: createFlags)),
                    .argument(3, .anyBit(of: setIDBits))
                ),
            ]
        ),
        SeccompGroup(
            "openat2",
            "Its mode lies in memory, so it could set those bits; callers fall back to openat.",
            .noSuchCall,
            refuse: ["openat2"]
        ),
        SeccompGroup(
            "device-nodes",
            "A node is a way to a device.",
            rules: [
                SeccompRule("mknod", when: .argument(1, .masked(typeMask, in: deviceTypes))),
                SeccompRule("mknodat", when: .argument(2, .masked(typeMask, in: deviceTypes))),
            ]
        ),
        SeccompGroup(
            "terminal-input",
            "TIOCSTI, TIOCLINUX, TIOCCONS and TIOCSETD type into, read or rewire the user's terminal.",
            rules: [SeccompRule("ioctl", when: .argument(1, .low32(in: [0x5412, 0x541c, 0x541d, 0x5423])))]
        ),
        SeccompGroup(
            "file-attributes",
            "Immutable files, frozen or trimmed file systems, sealed or encrypted trees: the host has to undo them.",
            rules: [
                SeccompRule("ioctl", when: .argument(1, .low32(in: fileRequests))),
                SeccompRule(SystemCall("file_setattr", 469)),
            ]
        ),
        SeccompGroup(
            "block-devices",
            "Discarding, zeroing and loop devices.",
            rules: [SeccompRule("ioctl", when: .argument(1, .low32(in: blockRequests)))]
        ),
    ]

    /// S_ISUID and S_ISGID (linux/stat.h).
    private static let setIDBits: UInt64 = 0o6000
    /// O_CREAT and __O_TMPFILE (asm-generic/fcntl.h): only then does open read its mode.
    private static let createFlags: UInt64 = 0o2000_0100
    /// S_IFMT, and S_IFCHR and S_IFBLK.
    private static let typeMask: UInt64 = 0o170000
    private static let deviceTypes: [UInt64] = [0o020000, 0o060000]

    /// FS_IOC_SETFLAGS, FS_IOC32_SETFLAGS, FS_IOC_FSSETXATTR, FIFREEZE, FITHAW, FITRIM, FS_IOC_ENABLE_VERITY,
    /// FS_IOC_SET_ENCRYPTION_POLICY, FS_IOC_ADD_ENCRYPTION_KEY (linux/fs.h, fsverity.h, fscrypt.h).
    private static let fileRequests: [UInt64] = [
        0x4008_6602, 0x4004_6602, 0x401c_5820, 0xc004_5877, 0xc004_5878, 0xc018_5879, 0x4080_6685,
        0x800c_6613,
        0xc050_6617,
    ]

    /// BLKROSET, BLKDISCARD, BLKSECDISCARD, BLKZEROOUT, LOOP_SET_FD, LOOP_CONFIGURE, LOOP_CTL_ADD,
    /// LOOP_CTL_REMOVE, LOOP_CTL_GET_FREE (linux/fs.h, loop.h).
    private static let blockRequests: [UInt64] = [
        0x125d, 0x1277, 0x127d, 0x127f, 0x4c00, 0x4c0a, 0x4c80, 0x4c81, 0x4c82,
    ]
}
