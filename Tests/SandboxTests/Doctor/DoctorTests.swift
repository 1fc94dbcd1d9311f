import Foundation
import Profiles
import Sandbox
import Testing

struct DoctorTests {
    private static let checks = (try? SystemCallPolicies.standard()).map(Doctor.checks) ?? []

    @Test func `Every check has a name of its own, a purpose and a remedy`() {
        #expect(Set(Self.checks.map(\.name)).count == Self.checks.count)
        for check in Self.checks {
            #expect(!check.purpose.isEmpty && check.remedy.hasSuffix("."), "\(check.name)")
        }
    }

    @Test(arguments: [
        "user-namespaces", "all-namespaces", "mount-api", "tmpfs", "devpts", "procfs", "nested-procfs",
        "openat2",
        "transparent-listener", "nftables-tproxy", "raw-icmp", "netns-cookie", "pidfd", "close_range",
        "memfd",
        "no-new-privileges", "session-keyring", "dev-null", "seccomp", "landlock", "bailey-init",
        "cgroup-memory",
        "cgroup-processes", "cgroup-cpus", "user.max_user_namespaces",
    ])
    func `What Bailey uses is looked at`(name: String) {
        #expect(Self.checks.contains { $0.name == name })
    }

    @Test func `Each JSON record is one line and says whether the default profile is blocked`() throws {
        for check in Self.checks {
            let text = try check.json
            #expect(!text.contains("\n"))
            let record = try #require(
                try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
            )
            #expect(record["name"] as? String == check.name)
            #expect(record["blocks"] as? Bool == check.blocksDefaultProfile)
        }
    }

    @Test func `Only what is required and missing blocks, and its line says what to do`() {
        for required in [true, false] {
            let missing = check(.missing("ENOSYS"), required)
            #expect(missing.blocksDefaultProfile == required)
            #expect(missing.line.contains("Do this.") && missing.line.contains("ENOSYS"))
            #expect(!check(.degraded("half"), required).blocksDefaultProfile)
            #expect(!check(.available("all"), required).blocksDefaultProfile)
            #expect(!check(.available("all"), required).line.contains("Do this."))
        }
    }

    private func check(_ state: Check.State, _ required: Bool) -> Check {
        Check(name: "x", purpose: "y", state: state, remedy: "Do this.", isRequired: required)
    }
}
