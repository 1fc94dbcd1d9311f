internal import CSandbox
internal import Glibc
internal import Linux
internal import Policy

extension LaunchPlan {
    /// The failure that the interpreter reported for an operation's number, or a stage's.
    func failure(operation: Int32, errno number: Int32) -> LaunchFailure {
        guard operation >= 0, Int(operation) < steps.count else {
            return Self.stageFailure(operation, number)
        }
        let step = steps[Int(operation)]
        guard step.kind != CSB_PROGRAM else { return programFailure(number) }
        return LaunchFailure(
            step: step.name,
            object: step.object,
            errno: number,
            remedy: Self.remedy(step, number)
        )
    }

    private func programFailure(_ number: Int32) -> LaunchFailure {
        let missing = number == ENOENT || number == ENOTDIR
        guard ![EIO, ENOMEM, EMFILE, ENFILE].contains(number) else {
            return LaunchFailure(
                step: "find the program",
                object: arguments.first ?? "",
                errno: number,
                remedy:
                    "It could not be opened: the machine may be out of descriptors or memory, or its disk may fail."
            )
        }
        return LaunchFailure(
            step: "find the program",
            object: arguments.first ?? "",
            errno: number,
            remedy: missing
                ? "The agent sees the system, its workspace and what its profile reads: is the program among them?"
                : "The file is there but may not be executed by the agent.",
            exitCode: missing ? 127 : 126
        )
    }

    private static func stageFailure(_ stage: Int32, _ number: Int32) -> LaunchFailure {
        let (step, remedy) =
            switch stage {
            case CSB_STAGE_CLONE.rawValue where number == EAGAIN,
                CSB_STAGE_FORK.rawValue where number == EAGAIN:
                (
                    "fork",
                    "The parent and all below it have as many processes as its profile allows"
                        + " (limits.processes), or the machine has no more."
                )
            case CSB_STAGE_CLONE.rawValue:
                ("clone3 (new namespaces)", "User namespaces may be switched off: run 'bailey doctor'.")
            case CSB_STAGE_MAP.rawValue:
                (
                    "write the id maps",
                    "An AppArmor profile may strip user namespaces of rights: run 'bailey doctor'."
                )
            case CSB_STAGE_JOIN_USER.rawValue, CSB_STAGE_JOIN_MOUNT.rawValue, CSB_STAGE_JOIN_PID.rawValue,
                CSB_STAGE_JOIN_NETWORK.rawValue:
                ("setns (the parent's namespaces)", "The parent agent may have ended meanwhile.")
            case CSB_STAGE_IDENTITY.rawValue: ("setresuid", "Run 'bailey doctor'.")
            case CSB_STAGE_GROUPS.rawValue:
                (
                    "setgroups",
                    "A container may deny it: allow CAP_SETGID, or start Bailey as an ordinary user."
                )
            case CSB_STAGE_FORK.rawValue: ("fork", "The machine may be out of processes or memory.")
            default:
                ("read the launch plan", "Bailey's parts may be of different versions: install it again.")
            }
        return LaunchFailure(step: step, object: "agent", errno: number, remedy: remedy)
    }

    /// What to do where there is no copy-on-write view; the host's folder is never written in its stead.
    private static func copyRemedy(_ number: Int32) -> String {
        switch number {
        case ENODEV: "files.copy needs overlayfs (CONFIG_OVERLAY_FS): load it as root, modprobe overlay."
        case EPERM: "files.copy needs overlayfs in user namespaces, which is in Linux 5.11 and newer."
        case ENOTDIR: "files.copy takes folders: name the one that this file is in."
        case EINVAL:
            "The file system under Bailey's state directory may not hold changes (overlayfs itself, NFS and FAT do not):"
                + " name another with XDG_STATE_HOME. A child's copy may have nothing mounted in it that its parent sees,"
                + " such as a protected or hidden path, and there are no copies of copies of copies."
        case ELOOP: "There are no copies of copies of copies: overlayfs stacks two layers."
        default: "files.copy needs overlayfs: 'bailey doctor' tries it where Bailey keeps its state."
        }
    }

    private static func remedy(_ step: LaunchStep, _ number: Int32) -> String {
        switch (step.kind, number) {
        case (_, EMFILE):
            "The limit on open files (limits.open-files) is too small for the launch itself, which needs up to"
                + " \(Limits.launchFiles): raise it."
        case (CSB_TREE, EACCES), (CSB_HOST_TREE, EACCES):
            "You may not read this path yourself, and no agent may do more than who launches it: take it out of the"
                + " profile, or have its permissions changed."
        case (CSB_CHDIR, _):
            "The agent does not see this directory: change to one in its workspace, or name another with -w."
        case (CSB_TREE, ENOENT) where step.flags & CSB_PROTECTION.rawValue != 0:
            "The child's profile protects this path, which is absent, and its parent's does not: name the parent's"
                + " workspace with -w, make the path before the launch, or protect it in the parent's profile."
        case (CSB_OVERLAY, _), (CSB_LAYER, _): copyRemedy(number)
        case (CSB_TREE, ENOENT), (CSB_HOST_TREE, ENOENT):
            "The profile names a path that is not there: make it, or take it out of the profile."
        case (CSB_TREE, ELOOP), (CSB_HOST_TREE, ELOOP):
            "A path in the workspace leads through a symbolic link, which an agent could have planted."
        case (CSB_TREE, ESTALE), (CSB_HOST_TREE, ESTALE):
            "The path leads elsewhere than a moment ago, when it was checked: something replaces it. Try again when it"
                + " is left alone."
        case (CSB_BIND, ENOENT), (CSB_BIND, ENOTDIR), (CSB_BIND, ELOOP), (CSB_BIND, ESTALE):
            "What the profile hides there, or protects, is not where it was a moment ago: something moves it. Try again"
                + " when it is left alone."
        case (CSB_HOST_TREE, EINVAL):
            "The file system may not support id-mapped mounts: use ext4, xfs, btrfs or tmpfs, or run as a user."
        case (CSB_CAPTURE, _):
            "Egress capture needs nf_tables with tproxy (CONFIG_NFT_TPROXY): run 'bailey doctor'."
        case (CSB_PROC, _):
            "A container around Bailey may mask parts of /proc, which forbids a fresh one: run 'bailey doctor'."
        default: "Run 'bailey doctor' to see what this machine lacks."
        }
    }
}
