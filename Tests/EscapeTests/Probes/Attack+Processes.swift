extension Attack {
    /// Section P.
    static let processes: [Attack] = [
        Attack(
            id: "P01",
            tries: "a capability in any set",
            words: "./process P01",
            control: .plain()
        ),
        Attack(
            id: "P02",
            tries: "a way to gain privileges",
            words: "./process P02",
            control: .plain()
        ),
        Attack(
            id: "P03",
            tries: "a user namespace, by clone, clone3 and unshare",
            words: "./process P03",
            control: .ordinary
        ),
        Attack(
            id: "P04",
            tries: "the limits on namespaces",
            words: "./process P04",
            control: .namespaces()
        ),
        Attack(
            id: "P05",
            tries: "namespaces of every other kind",
            words: "./process P05",
            control: .namespaces()
        ),
        Attack(
            id: "P06",
            tries: "the host's processes in /proc",
            words: "./process P06 {shifted}",
            control: .plain(),
            bystander: true
        ),
        Attack(
            id: "P07",
            tries: "signal a process outside, by every call, and everybody at once",
            words: "exec ./process P07 {pid} {all}",
            control: .plain(),
            bystander: true
        ),
        Attack(
            id: "P10",
            tries: "end or stop init",
            words: "./process P10 {init}",
            control: .plain(after: "sleep 20 & victim=$!")
        ),
        Attack(
            id: "P18",
            tries: "other user and group ids",
            words: "./process P18",
            control: .root()
        ),
        Attack(
            id: "P21",
            tries: "real-time classes, a negative nice value, core scheduling",
            words: "./process P21",
            control: .root()
        ),
        Attack(
            id: "P23",
            tries: "limits above those that were set",
            words: "./process P23 {all}",
            // Root in a container often has no CAP_SYS_RESOURCE.
            control: .root(lacking: ["EPERM"])
        ),
        Attack(
            id: "P24",
            tries: "execution domains that help exploits",
            words: "./process P24",
            control: .plain()
        ),
        Attack(
            id: "P26",
            tries: "another host name",
            words: "./process P26",
            control: .namespaces()
        ),
    ]
}
