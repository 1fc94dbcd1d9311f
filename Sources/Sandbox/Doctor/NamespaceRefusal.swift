internal import Glibc

/// Why a kernel that has namespaces does not give one: the switches that distributions know.
enum NamespaceRefusal {
    /// What to do about `code`, as far as a switch of this machine explains it.
    static func remedy(_ code: Int32) -> String? {
        if code == ENOSPC {
            return "Raise the limit as root: sysctl -w user.max_user_namespaces=15000."
        }
        guard code == EPERM || code == EACCES else { return nil }
        if isSet(AppArmorAdvice.setting) == true, !Machine.isRoot {
            return "AppArmor restricts them. \(AppArmorAdvice.found().remedy)"
        }
        if isSet("kernel/unprivileged_userns_clone") == false, !Machine.isRoot {
            return "Allow them as root: sysctl -w kernel.unprivileged_userns_clone=1."
        }
        return nil
    }

    /// Whether a switch below /proc/sys is on; nil where the kernel does not have it.
    static func isSet(_ name: String) -> Bool? {
        value(name).map { $0 != 0 }
    }

    /// A number below /proc/sys; nil where the kernel does not have it.
    static func value(_ name: String) -> Int? {
        CgroupFile.read("/proc/sys/" + name).flatMap { text in
            text.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }
        }
    }
}
