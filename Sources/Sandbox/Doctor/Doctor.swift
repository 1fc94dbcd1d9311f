internal import CSandbox
internal import Glibc
internal import Linux
package import Policy

/// Looks at the machine: every kernel feature and permission that Bailey uses.
package enum Doctor {
    /// All checks, each made now; what is dangerous is tried in a throw-away child.
    ///
    /// `systemCalls` is the policy that every agent runs under.
    package static func checks(systemCalls: SystemCallPolicy) -> [Check] {
        let probes = KernelProbe.all(isRoot: Machine.isRoot).map { $0.check() }
        return switches() + probes + [identity(), filter(systemCalls), landlock(), programs()]
            + companions() + controlGroups()
    }

    /// Whose id agents have outside.
    private static func identity() -> Check {
        let state: Check.State
        do throws(LaunchFailure) {
            let identity = try Machine.outsideIdentity()
            state = .available(Machine.isRoot ? "one of its own for each run" : "uid \(identity.outsideUser)")
        } catch {
            state = .missing(error.object)
        }
        return Check(
            name: "outside-id",
            purpose: "no agent is root outside, whatever it is inside",
            state: state,
            remedy: "Start Bailey as an ordinary user, or as root outside of this user namespace.",
            isRequired: true
        )
    }

    /// The compiled filter, loaded for real.
    private static func filter(_ policy: SystemCallPolicy) -> Check {
        let version = SeccompFilter.libraryVersion() ?? "unknown"
        let state: Check.State
        do throws(SeccompFailure) {
            let program = try SeccompFilter.base(policy)
            let result = unsafe program.withUnsafeBytes { unsafe csb_probe_filter($0.baseAddress, $0.count) }
            state =
                result == 0
                ? .available("libseccomp \(version), \(program.count / 8) instructions")
                : .missing("seccomp: \(SystemCallError.text(-result))")
        } catch {
            state = .missing("\(error)")
        }
        return Check(
            name: "seccomp",
            purpose: "programs get the system calls they need and no others",
            state: state,
            remedy: "Use a kernel with CONFIG_SECCOMP_FILTER.",
            isRequired: true
        )
    }

    private static func landlock() -> Check {
        let abi = Int(csb_landlock_abi())
        let text = LandlockWall.description(of: abi)
        let state: Check.State = abi < LandlockWall.complete ? .degraded(text) : .available(text)
        return Check(
            name: "landlock",
            purpose: "a second wall around files, sockets and signals",
            state: state,
            remedy:
                "Use Linux 6.12 or newer with landlock among the security modules (lsm= on the command line).",
            isRequired: false
        )
    }

    /// Bailey's own helper.
    private static func programs() -> Check {
        let state: Check.State
        do throws(LaunchFailure) {
            state = .available(try BaileyPrograms.located().map(\.1).joined(separator: ", "))
        } catch {
            state = .missing("\(error.object): \(SystemCallError.text(error.errno))")
        }
        return Check(
            name: "bailey-init",
            purpose: "the first process of every agent: reaps, forwards signals, cannot be read",
            state: state,
            remedy: "Install it beside bailey or in ../libexec/bailey: run 'make install' again.",
            isRequired: true
        )
    }

    /// Programs that few launches need: looked for where those run them.
    private static func companions() -> [Check] {
        [
            companion(
                "bailey-saml",
                purpose:
                    "bailey run --saml-assertion-file: reads an assertion of SAML in a process of its own",
                remedy: "Without it launches with an assertion are refused."
            ),
            companion(
                "bailey-postgres",
                purpose: "audit in bailey.yaml: speaks to PostgreSQL in a process of its own",
                remedy: "Without it, and libpq.so.5 (Debian: libpq5), nothing of the log goes to a database."
            ),
        ]
    }

    private static func companion(_ name: String, purpose: String, remedy: String) -> Check {
        let path = BaileyPrograms.folder.map { $0 + "/" + name }
        let state: Check.State =
            if let path, unsafe access(path, X_OK) == 0 { .available(path) } else {
                .missing(path.map { "\($0): \(SystemCallError.text(errno))" } ?? "its folder is not known")
            }
        return Check(
            name: name,
            purpose: purpose,
            state: state,
            remedy: "Install it beside bailey-core: run 'make install' again. " + remedy,
            isRequired: false
        )
    }

    private static func controlGroups() -> [Check] {
        let available = Cgroup.available()
        return ["memory", "processes", "cpus"].map { limit in
            Check(
                name: "cgroup-\(limit)",
                purpose: "holds the limit '\(limit)' over an agent and its descendants",
                state: available[limit].map { .available($0) } ?? HeldLimits.state(without: limit),
                remedy:
                    "Have it delegated: systemd-run --user --scope -p Delegate=yes bailey …, or 'bailey serve' as a unit.",
                isRequired: false
            )
        }
    }
}
