import TestSupport

extension Attack {
    /// Why a limit on memory does not hold shared mappings where no control group can be written.
    private static let unshared =
        "without a control group the limit is RLIMIT_DATA, which counts private mappings only"

    /// Sections T, I and C.
    static let others: [Attack] =
        [
            Attack(
                id: "T03",
                tries: "terminals of the host's, by path and through /proc",
                words: "./terminal T03",
                control: .root(),
                bystander: true
            ),
            Attack(
                id: "I01",
                tries: "System V memory, queues and semaphores",
                words: "./ipc I01 {key}",
                control: .plain(),
                bystander: true
            ),
            Attack(
                id: "I02",
                tries: "POSIX shared memory and message queues",
                words: "./ipc I02 {name}",
                control: .plain(),
                bystander: true
            ),
            Attack(
                id: "I08",
                tries: "lock and watch the supervisor's files",
                words: "./ipc I08 {root}/state/bailey/audit.sqlite {root}/config/bailey",
                control: .plain()
            ),
            Attack(
                id: "C03",
                tries: "more processes than the profile gives",
                words: "./resources C03 60",
                control: .plain(),
                body: "limits: {processes: 60}\n"
            ),
            Attack(
                id: "C04",
                tries: "more memory than the profile gives",
                words: "./resources C04 200",
                control: .plain(),
                body: "limits: {memory: 64MiB, enforced: best-effort}\n",
                mayDie: true
            ),
            Attack(
                id: "C04",
                tries: "more memory than the profile gives, in shared mappings",
                words: "./resources C04 200 shared",
                control: .plain(),
                body: "limits: {memory: 64MiB, enforced: best-effort}\n",
                mayDie: true,
                gaps: [.plainUsersAgent: unshared, .container: unshared]
            ),
            Attack(
                id: "C07",
                tries: "control groups of one's own",
                words: "./resources C07",
                control: .root()
            ),
            Attack(
                id: "C11",
                tries: "contexts of asynchronous I/O, which are the machine's",
                words: "./resources C11",
                // A kernel may have none (CONFIG_AIO), or somebody all of them.
                control: .plain(lacking: ["ENOSYS", "EAGAIN"])
            ),
        ]
        + services.map { id, tries, paths in
            Attack(
                id: id,
                tries: tries,
                words: "./\(id.hasPrefix("N") ? "network" : "ipc") \(id) \(paths)",
                control: .plain(),
                host: Trial.session(serving: paths)
            )
        }

    /// Services of a desktop or a server, and where they listen.
    private static let services: [(String, String, String)] = [
        (
            "N05", "name service, resolver and manager of the system",
            "/run/nscd/socket /run/systemd/resolve/io.systemd.Resolve /run/systemd/private"
        ),
        (
            "I03", "the system's and the session's D-Bus, systemd of the user",
            "/run/dbus/system_bus_socket /run/user/0/bus /run/user/0/systemd/private @/tmp/dbus-4711"
        ),
        (
            "I04", "X11, Wayland, PipeWire, at-spi",
            "/tmp/.X11-unix/X0 @/tmp/.X11-unix/X4711 /run/user/0/wayland-0 /run/user/0/pipewire-0 /run/user/0/at-spi/bus_0"
        ),
        (
            "I05", "agents that hold keys",
            "/run/user/0/gnupg/S.gpg-agent /run/user/0/gnupg/S.gpg-agent.ssh /run/user/0/keyring/ssh /tmp/ssh-4711/agent.1"
        ),
        ("I06", "servers of terminal multiplexers", "/tmp/tmux-0/default /run/screen/S-root/1.pts"),
        (
            "I07", "container engines and machine managers",
            "/run/docker.sock /var/run/docker.sock /run/containerd/containerd.sock /run/podman/podman.sock "
                + "/run/crio/crio.sock /run/libvirt/libvirt-sock /run/snapd.socket /run/lxd/unix.socket"
        ),
        (
            "I10", "sockets of editors",
            "/run/user/0/vscode-ipc-4711.sock /tmp/vscode-git-4711.sock /tmp/.idea-4711/port"
        ),
    ]
}
