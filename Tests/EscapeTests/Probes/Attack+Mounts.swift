import TestSupport

extension Attack {
    /// Everything of `/usr` is there, and writing it changes nothing of the machine's.
    private static let shadowed = """
        mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work
        mount -t overlay -o lowerdir=/usr,upperdir=/mnt/upper,workdir=/mnt/work none /usr
        """

    /// Section M.
    static let mounts: [Attack] = [
        Attack(
            id: "M01",
            tries: "write to the system's folders",
            words: "./mount M01 /usr/local/x /usr/x /etc/x /x /dev/x /sys/x /.bailey/x /proc/sys/x",
            control: .namespaces(after: shadowed)
        ),
        Attack(
            id: "M02",
            tries: "remount the system read-write, by the old and the new call",
            words: "./mount M02 /usr /usr/x",
            control: .namespaces(after: "\(shadowed); mount -o remount,bind,ro /usr")
        ),
        Attack(
            id: "M03",
            tries: "write to a file system that is mounted below a read-only grant",
            words: "./mount M03 {root}/source/below/x",
            control: .plain(),
            body: "files: {read: [{root}/source]}\n",
            host: "mkdir -p {root}/source/below; mount -t tmpfs -o mode=777 none {root}/source/below"
        ),
        Attack(
            id: "M04",
            tries: "take away what covers the host's folders",
            words: "./mount M04 {home} /tmp /proc/keys /proc /dev/shm /sys / .git/config",
            control: .namespaces(after: "mount -t tmpfs none {home}")
        ),
        Attack(
            id: "M05",
            tries: "mount in namespaces of one's own",
            words: "./mount M05",
            control: .ordinary
        ),
        Attack(
            id: "M14",
            tries: "a file through every process's root, directory and descriptors",
            words: "./mount M14 {root}/secret",
            control: .plain()
        ),
        Attack(
            id: "M16",
            tries: "make a device, open the machine's",
            words: "./mount M16 . /tmp /dev/shm /dev {home}",
            control: .root()
        ),
        Attack(
            id: "M17",
            tries: "a set-user-id program of root's",
            words: "./of-root M17",
            control: .ordinary,
            prepared: "cp mount of-root; chown 0:0 of-root; chmod 4755 of-root"
        ),
        Attack(
            id: "M18",
            tries: "leave a set-user-id file for somebody outside, by every call that sets a mode",
            words: "./mount M18",
            control: .plain()
        ),
        Attack(
            id: "M19",
            tries: "write a protected file by another name",
            words: "./mount M19 /bin/true .git/config .git/hooks/kept",
            control: .plain(after: "rm -f another-name")
        ),
        Attack(
            id: "M20",
            tries: "open a file by its handle",
            words: "./mount M20",
            control: .root()
        ),
        Attack(
            id: "M28",
            tries: "the kernel's switches in /proc",
            words: "./mount M28",
            control: .root()
        ),
        Attack(
            id: "M29",
            tries: "what the kernel tells about the machine",
            words: "./mount M29",
            control: .root()
        ),
        Attack(
            id: "M30",
            tries: "the kernel's switches in /sys",
            words: "./mount M30",
            control: .root()
        ),
        Attack(
            id: "M31",
            tries: "the calls that list mounts",
            words: "./mount M31",
            control: .plain(lacking: ["ENOSYS"])
        ),
        Attack(
            id: "M31",
            tries: "paths of the host's that nobody granted, in the list of mounts",
            // As a list of mounts has them where /tmp is a file system of its own as well.
            words: "./mount M31 /{place}/private /{place}/state /{place}/config /{place}/home/",
            control: .namespaces(after: "mount --bind {root}/private/x /mnt")
        ),
        Attack(
            id: "M31",
            tries: "where the launcher is installed, in the list of mounts",
            words: "./mount M31 /{installed}",
            control: .namespaces(after: "mount --bind {root}/{installed} /mnt"),
            gaps: Dictionary(
                uniqueKeysWithValues: Standing.allCases.map {
                    (
                        $0,
                        "the list of mounts shows the folder that the launcher's own programs are mounted from"
                    )
                }
            )
        ),
        Attack(
            id: "M37",
            tries: "exchange, rename, link or truncate a protected file",
            words: "./mount M37 .git/config",
            control: .plain()
        ),
    ]
}
