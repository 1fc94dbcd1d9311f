extension SeccompPolicy {
    static let socketGroups: [SeccompGroup] = [
        SeccompGroup(
            "socket-families",
            "UNIX, INET, INET6 and NETLINK. Others (VSOCK to the hypervisor, ALG, PACKET) are not kept by the "
                + "network namespace or are rarely reviewed kernel code.",
            rules: [
                SeccompRule(
                    "socket",
                    when: .argument(0, .none(of: [unix, inet, inet6, netlink])),
                    answer: .familyNotSupported
                ),
                SeccompRule("socketpair", when: .argument(0, .none(of: [unix])), answer: .familyNotSupported),
            ]
        ),
        SeccompGroup(
            "netlink-protocols",
            "Only NETLINK_ROUTE, which lists addresses and routes of the agent's own namespace.",
            rules: [
                SeccompRule(
                    "socket",
                    when: .argument(0, .low32(in: [netlink])),
                    .argument(2, .none(of: [0])),
                    answer: .protocolNotSupported
                )
            ]
        ),
        SeccompGroup(
            "socket-types",
            "Streams and datagrams; raw sockets forge packets.",
            rules: [
                SeccompRule(
                    "socket",
                    when: .argument(0, .low32(in: [inet, inet6])),
                    .argument(1, .maskedNone(socketTypeMask, of: [1, 2])),
                    answer: .accessDenied
                )
            ]
        ),
        SeccompGroup(
            "internet-protocols",
            "TCP and UDP: what the gateway captures. MPTCP, SCTP, ICMP and the rest would pass beside it.",
            rules: [
                SeccompRule(
                    "socket",
                    when: .argument(0, .low32(in: [inet, inet6])),
                    .argument(2, .none(of: [0, 6, 17])),
                    answer: .protocolNotSupported
                )
            ]
        ),
    ]

    private static let unix: UInt64 = 1
    private static let inet: UInt64 = 2
    private static let inet6: UInt64 = 10
    private static let netlink: UInt64 = 16
    /// SOCK_TYPE_MASK (linux/net.h): the bits above are SOCK_CLOEXEC and SOCK_NONBLOCK.
    private static let socketTypeMask: UInt64 = 0xf
}
