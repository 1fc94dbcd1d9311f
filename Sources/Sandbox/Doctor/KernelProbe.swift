internal import CSandbox
internal import Linux

/// One kernel feature that is found out by trying it in a throw-away child.
struct KernelProbe: Sendable {
    let name: String
    let purpose: String
    let remedy: String
    let what: csb_probe
    /// Namespaces are refused for reasons of their own, which `NamespaceRefusal` knows.
    var needsNamespaces = false
    var isRequired = true

    func check() -> Check {
        let result = csb_probe(what)
        return Check(
            name: name,
            purpose: purpose,
            state: result == 0 ? .available("") : .missing(SystemCallError.text(-result)),
            remedy: needsNamespaces ? NamespaceRefusal.remedy(-result) ?? remedy : remedy,
            isRequired: isRequired
        )
    }

    /// The probes, in the order a launch meets them.
    static func all(isRoot: Bool) -> [KernelProbe] {
        namespaces + files + network + processes + (isRoot ? [idMapped] : [])
    }

    private static let namespaces = [
        KernelProbe(
            name: "user-namespaces",
            purpose: "an agent's ids and capabilities are its own, and nothing outside",
            remedy:
                "Use a kernel with CONFIG_USER_NS; in a container, allow unshare and clone in its seccomp profile.",
            what: CSB_PROBE_USER,
            needsNamespaces: true
        ),
        KernelProbe(
            name: "all-namespaces",
            purpose: "user, mount, pid, net, ipc, uts and cgroup namespaces for each agent",
            remedy:
                "Use a kernel with all kinds of CONFIG_NAMESPACES; in a container, allow unshare and clone.",
            what: CSB_PROBE_NAMESPACES,
            needsNamespaces: true
        ),
    ]

    private static let files = [
        KernelProbe(
            name: "mount-api",
            purpose: "the agent's view is built by descriptor: open_tree, mount_setattr, move_mount",
            remedy: "Use Linux 5.12 or newer; in a container, allow these calls in its seccomp profile.",
            what: CSB_PROBE_MOUNTS,
            needsNamespaces: true
        ),
        KernelProbe(
            name: "tmpfs",
            purpose: "private /tmp, home and root folder, with a size",
            remedy: "Use a kernel with CONFIG_TMPFS.",
            what: CSB_PROBE_TMPFS,
            needsNamespaces: true
        ),
        KernelProbe(
            name: "devpts",
            purpose: "terminals of the agent's own",
            remedy: "Use a kernel with CONFIG_UNIX98_PTYS.",
            what: CSB_PROBE_DEVPTS,
            needsNamespaces: true
        ),
        KernelProbe(
            name: "procfs",
            purpose: "a fresh /proc that shows the agent's processes only",
            remedy: maskedProc,
            what: CSB_PROBE_PROC,
            needsNamespaces: true
        ),
        KernelProbe(
            name: "nested-procfs",
            purpose: "the same for an agent's child, one user namespace deeper",
            remedy: maskedProc,
            what: CSB_PROBE_NESTED_PROC,
            needsNamespaces: true
        ),
        KernelProbe(
            name: "openat2",
            purpose: "paths are followed inside the agent's root, never out of it",
            remedy: "Use Linux 5.6 or newer.",
            what: CSB_PROBE_OPENAT2
        ),
    ]

    private static let network = [
        KernelProbe(
            name: "transparent-listener",
            purpose: "one listener takes connections to any address",
            remedy:
                "Use a kernel with CONFIG_IPV6 and without ipv6.disable=1 on its command line.",
            what: CSB_PROBE_TRANSPARENT,
            needsNamespaces: true
        ),
        KernelProbe(
            name: "nftables-tproxy",
            purpose: "every TCP port of an agent is captured",
            remedy: "Use a kernel with CONFIG_NFT_TPROXY; load it as root: modprobe -a nf_tables nft_tproxy.",
            what: CSB_PROBE_CAPTURE,
            needsNamespaces: true
        ),
        KernelProbe(
            name: "raw-icmp",
            purpose: "datagrams of an agent, which are all refused, are on record",
            remedy:
                "A security module that forbids raw sockets (AppArmor: network raw) must allow them to bailey.",
            what: CSB_PROBE_REFUSALS,
            needsNamespaces: true
        ),
        KernelProbe(
            name: "netns-cookie",
            purpose: "a connection is known to come from its agent's namespace",
            remedy: "Use Linux 5.14 or newer.",
            what: CSB_PROBE_NETNS_COOKIE
        ),
    ]

    private static let processes = [
        KernelProbe(
            name: "pidfd",
            purpose: "processes are signalled and awaited without mistaking one for another",
            remedy: "Use Linux 5.4 or newer.",
            what: CSB_PROBE_PIDFD
        ),
        KernelProbe(
            name: "close_range",
            purpose: "no descriptor but 0, 1 and 2 reaches a program",
            remedy: "Use Linux 5.11 or newer.",
            what: CSB_PROBE_CLOSE_RANGE
        ),
        KernelProbe(
            name: "memfd",
            purpose: "plans and filters reach the launcher sealed",
            remedy: "Use a kernel with CONFIG_MEMFD_CREATE.",
            what: CSB_PROBE_MEMFD
        ),
        KernelProbe(
            name: "no-new-privileges",
            purpose: "set-user-id programs gain nothing",
            remedy: "Use Linux 3.5 or newer.",
            what: CSB_PROBE_NO_NEW_PRIVS
        ),
        KernelProbe(
            name: "session-keyring",
            purpose: "the user's keys stay outside",
            remedy: "Use a kernel with CONFIG_KEYS; in a container, allow keyctl in its seccomp profile.",
            what: CSB_PROBE_KEYRING
        ),
        KernelProbe(
            name: "dev-null",
            purpose: "devices of the agent's /dev are the host's",
            remedy: "Make it as root: mknod -m 666 /dev/null c 1 3.",
            what: CSB_PROBE_DEV_NULL
        ),
    ]

    private static let idMapped = KernelProbe(
        name: "id-mapped-mounts",
        purpose:
            "started by root: files of this folder keep their owners while the agent is an unprivileged user",
        remedy: "Use Linux 5.12 or newer and a workspace on ext4, xfs, btrfs or (Linux 6.3) tmpfs.",
        what: CSB_PROBE_ID_MAPPED
    )

    private static let maskedProc =
        "A container that covers parts of /proc forbids this: give it an uncovered one (--security-opt unmask=ALL)."
}
