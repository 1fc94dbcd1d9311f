extension Doctor {
    /// Settings of distributions that take namespaces away from users.
    static func switches() -> [Check] {
        let isRoot = Machine.isRoot
        return [
            setting(
                "kernel.apparmor_restrict_unprivileged_userns",
                refuses: !isRoot && NamespaceRefusal.isSet(AppArmorAdvice.setting) == true
                    && !AppArmorAdvice.found().isLoaded,
                remedy: AppArmorAdvice.found().remedy
            ),
            setting(
                "kernel.unprivileged_userns_clone",
                refuses: !isRoot && NamespaceRefusal.isSet("kernel/unprivileged_userns_clone") == false,
                remedy: "Set it to 1 as root: sysctl -w kernel.unprivileged_userns_clone=1."
            ),
            setting(
                "user.max_user_namespaces",
                refuses: NamespaceRefusal.value("user/max_user_namespaces") == 0,
                remedy: "Raise it as root: sysctl -w user.max_user_namespaces=15000."
            ),
        ]
    }

    /// A switch is a hint beside the probe that decides: it blocks nothing by itself.
    private static func setting(_ name: String, refuses: Bool, remedy: String) -> Check {
        let path = String(name.map { $0 == "." ? "/" : $0 })
        let value = NamespaceRefusal.value(path).map { "\($0)" } ?? "not in this kernel"
        return Check(
            name: name,
            purpose: "a setting that can take user namespaces away",
            state: refuses ? .degraded(value) : .available(value),
            remedy: remedy,
            isRequired: false
        )
    }
}
