import Sandbox
import Testing

@Suite("What to do where AppArmor takes user namespaces away")
struct AppArmorAdviceTests {
    @Test(
        "It is known whether bailey's profile is loaded",
        arguments: [
            ("bailey (unconfined)\n", true), ("bailey", true), ("unconfined\n", false),
            ("bailey2 (enforce)", false),
            ("", false), (nil, false),
        ] as [(String?, Bool)]
    )
    func loaded(label: String?, isLoaded: Bool) {
        #expect(AppArmorAdvice(label: label, isInstalled: true, shipped: nil).isLoaded == isLoaded)
    }

    @Test("One that is there is to be loaded, one that is not to be installed from where it lies")
    func remedies() {
        let load = "apparmor_parser -r /etc/apparmor.d/bailey"
        let there = AppArmorAdvice(label: "unconfined", isInstalled: true, shipped: "/x")
        #expect(there.remedy.contains(load) && !there.remedy.contains("install"))
        let absent = AppArmorAdvice(label: "unconfined", isInstalled: false, shipped: "/opt/share/bailey")
        #expect(absent.remedy.contains("install -m 644 /opt/share/bailey /etc/apparmor.d/bailey && \(load)"))
    }
}
