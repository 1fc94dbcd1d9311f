internal import CSandbox
internal import Model

/// One operation of a launch: what the interpreter does and how a failure of it is named.
struct LaunchStep: Sendable, Hashable {
    var kind: csb_kind
    var slot: UInt32 = 0
    var flags: UInt32 = 0
    var mode: UInt32 = 0
    var path: String?
    var text: String?
    var a: UInt64 = 0
    var b: UInt64 = 0
    /// What the path must lead to, where the flags say so.
    var device: UInt64 = 0
    var inode: UInt64 = 0
    /// Bytes that the operation refers to: a file's content, a filter.
    var payload: [UInt8]?

    static func == (left: LaunchStep, right: LaunchStep) -> Bool {
        left.kind.rawValue == right.kind.rawValue && left.slot == right.slot && left.flags == right.flags
            && left.mode == right.mode && left.path.map { ByteText($0) } == right.path.map { ByteText($0) }
            && left.text.map { ByteText($0) } == right.text.map { ByteText($0) }
            && left.a == right.a
            && left.b == right.b && left.device == right.device && left.inode == right.inode
            && left.payload == right.payload
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(kind.rawValue)
        hasher.combine(path)
        hasher.combine(text)
    }

    /// What is being done, for a message: `bind the view's part`.
    var name: String {
        switch kind {
        case CSB_HOST_TREE, CSB_TREE: "open_tree"
        case CSB_LAYER: "open_tree (the copy's layer)"
        case CSB_PRIVATE: "make every mount private"
        case CSB_ROOT: "mount the new root"
        case CSB_DIRECTORY: "mkdir"
        case CSB_FILE: "write"
        case CSB_SYMLINK: "symlink"
        case CSB_MOUNT: "move_mount"
        case CSB_OVERLAY: "mount a copy-on-write view (overlayfs)"
        case CSB_TMPFS: "mount tmpfs"
        case CSB_TMPFS_SIZE: "resize tmpfs"
        case CSB_PROC: "mount proc"
        case CSB_DEVPTS: "mount devpts"
        case CSB_BIND: "bind"
        case CSB_SEAL: "make read-only"
        case CSB_PIVOT: "pivot_root"
        case CSB_NAMESPACES: "open the namespaces"
        case CSB_CONTROL: "listen on the control socket"
        case CSB_LOOPBACK: "bring up lo"
        case CSB_ROUTES: "add local routes"
        case CSB_CAPTURE: "install the capture rules (nf_tables)"
        case CSB_LISTEN: "listen for captured connections"
        case CSB_RESOLVER: "bind the resolver"
        case CSB_WITNESS: "open a socket for sock_diag"
        case CSB_REFUSALS: "open raw ICMP sockets"
        case CSB_HOSTNAME: "sethostname"
        case CSB_LIMIT: "setrlimit"
        case CSB_TERMINAL: "open a pty"
        case CSB_STREAMS: "connect standard streams"
        case CSB_CHDIR: "chdir"
        case CSB_PROGRAM: "find the program"
        case CSB_KEYRING: "join a session keyring"
        case CSB_LANDLOCK: "landlock_restrict_self"
        case CSB_CAPABILITIES: "drop capabilities"
        case CSB_SECCOMP: "install the seccomp filter"
        default: "operation \(kind.rawValue)"
        }
    }

    var object: String { path ?? text ?? "agent" }
}
