extension Attack {
    /// Section N.
    ///
    /// What goes through the gateway is in the egress corpus.
    static let network: [Attack] = [
        Attack(
            id: "N02",
            tries: "a server on the host's loopback",
            words: "./network N02 {port}",
            control: .plain(),
            bystander: true
        ),
        Attack(
            id: "N04",
            tries: "an abstract socket of the host's",
            words: "./network N04 {name}",
            control: .plain(),
            bystander: true
        ),
        Attack(
            id: "N05",
            tries: "a socket of the host's by its path",
            words: "./network N05 {root}/sock {root}/run/sock {home}/sock",
            control: .plain(),
            bystander: true
        ),
        Attack(
            id: "N06",
            tries: "AF_VSOCK, to the hypervisor",
            words: "./network N06",
            control: .plain(lacking: ["EAFNOSUPPORT", "ESOCKTNOSUPPORT"])
        ),
        Attack(
            id: "N07",
            tries: "AF_ALG",
            words: "./network N07",
            control: .plain(lacking: ["EAFNOSUPPORT", "ESOCKTNOSUPPORT"])
        ),
        Attack(
            id: "N08",
            tries: "every family but UNIX, INET, INET6 and NETLINK, known or not",
            words: "./network N08",
            control: .namespaces()
        ),
        Attack(
            id: "N09",
            tries: "every NETLINK protocol but ROUTE",
            words: "./network N09",
            control: .plain()
        ),
        Attack(
            id: "N10",
            tries: "packet filters in a user namespace of one's own",
            words: "./network N10",
            control: .ordinary
        ),
        Attack(
            id: "N11",
            tries: "raw sockets, ping, MPTCP, SCTP, DCCP, UDP-Lite",
            words: "./network N11",
            control: .namespaces()
        ),
        Attack(
            id: "N12",
            tries: "i386's socketcall from a 64-bit program",
            words: "./network N12",
            control: .plain(lacking: ["ENOSYS", "SIGSEGV"])
        ),
        Attack(
            id: "N13",
            tries: "the x32 calls",
            words: "./network N13",
            control: .plain(lacking: ["ENOSYS"])
        ),
        Attack(
            id: "N14",
            tries: "io_uring, which makes sockets past a filter",
            words: "./network N14",
            control: .plain(lacking: ["ENOSYS", "EPERM"])
        ),
        Attack(
            id: "N15",
            tries: "an address given with the data, to the host's loopback",
            words: "./network N15 {port}",
            control: .plain(),
            bystander: true
        ),
        Attack(
            id: "N16",
            tries: "another process's namespaces, and what is behind one's own",
            words: "./network N16",
            control: .namespaces()
        ),
    ]
}
