internal import Glibc

/// What to do where AppArmor takes user namespaces from programs that have no profile of their own
/// (kernel.apparmor_restrict_unprivileged_userns; Ubuntu 23.10 and later).
package struct AppArmorAdvice: Sendable {
    /// The switch below /proc/sys.
    static let setting = "kernel/apparmor_restrict_unprivileged_userns"
    /// Where profiles are loaded from at the machine's start (apparmor.d(5)).
    private static let installed = "/etc/apparmor.d/bailey"

    /// What confines this process, as the kernel says: `unconfined`, `bailey (unconfined)`.
    private let label: String?
    private let isInstalled: Bool
    /// Where `make install` put the profile; nil when it did not.
    private let shipped: String?

    package init(label: String?, isInstalled: Bool, shipped: String?) {
        (self.label, self.isInstalled, self.shipped) = (label, isInstalled, shipped)
    }

    /// Of this machine.
    static func found() -> AppArmorAdvice {
        let beside = BaileyPrograms.folder.map { $0 + "/../../share/bailey/apparmor/bailey" }
        return AppArmorAdvice(
            label: CgroupFile.read("/proc/self/attr/apparmor/current")
                ?? CgroupFile.read("/proc/self/attr/current"),
            isInstalled: unsafe access(installed, F_OK) == 0,
            shipped: beside.flatMap { unsafe access($0, F_OK) == 0 ? $0 : nil }
        )
    }

    /// Whether bailey has a profile that is loaded.
    package var isLoaded: Bool {
        label?.utf8.split(whereSeparator: { $0 == 0x20 || $0 == 0x0A }).first?.elementsEqual("bailey".utf8)
            ?? false
    }

    package var remedy: String {
        if isLoaded {
            return
                "The profile \(Self.installed) is loaded and does not say 'userns,': install Bailey's again."
        }
        if isInstalled { return "Load its profile as root: apparmor_parser -r \(Self.installed)." }
        let source = shipped ?? "packaging/apparmor/bailey"
        return
            "Install and load its profile as root: install -m 644 \(source) \(Self.installed) && apparmor_parser -r"
            + " \(Self.installed); where bailey is not at the path that it names, change that first."
    }
}
