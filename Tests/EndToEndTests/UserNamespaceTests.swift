import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Bailey started by root of a user namespace that has one id, as `unshare -Ur` makes it.
    @Suite("Inside a user namespace", .serialized)
    struct UserNamespaceTests {
        @Test("Root of a single id launches as an ordinary user does, and no agent looks like root")
        func launch() throws {
            let starter = Starter.ordinary
            let place = try Place(for: starter)
            let control = try place.control("unshare -Ur sh -c 'id -u; cat /proc/self/uid_map'")
            #expect(control.lines.first == "0" && control.lines.last?.hasSuffix(" 1") == true, "\(control)")
            let script = """
                id -u; id -g; sed -n s/^CapEff:.//p /proc/self/status; echo $(cat /proc/self/uid_map)
                touch made; stat -c %u made; touch /etc/made /proc/sys/made 2>/dev/null || echo held
                """
            let outcome = try place.control("unshare -Ur \(place.launch) -- sh -c '\(script)'")
            #expect(
                outcome.lines == ["1000", "1000", "0000000000000000", "1000 0 1", "1000", "held"],
                "\(outcome)"
            )
            let made = try FileManager.default.attributesOfItem(atPath: place.workspace + "/made")
            #expect((made[.ownerAccountID] as? NSNumber)?.uint32Value == starter.userID)
        }

        @Test(
            "G26: The machine's root with no other id to give launches nothing: no agent is ever uid 0 outside",
            .enabled(if: getuid() == 0, "needs root")
        )
        func machineRoot() throws {
            let place = try Place()
            let outcome = try place.control("unshare -Ur \(place.launch) -- touch ran")
            #expect(outcome.code == 125 && outcome.errors.contains("the machine's root"), "\(outcome)")
            #expect(place.read("workspace/ran") == nil)
            #expect(try place.agent("touch ran").code == 0 && place.read("workspace/ran") != nil)
        }

        @Test("So it does three levels deep, and every end is on record")
        func nested() throws {
            let place = try Place(for: .ordinary)
            try place.nestingProfiles()
            let below = "bailey run -p mid -- bailey run -p leaf -- sh -c \"id -u; exit 5\""
            let outcome = try place.control(
                "unshare -Ur \(place.launch) -p top --profiles ../profiles -- \(below)"
            )
            #expect(outcome.code == 5 && outcome.lines == ["1000"], "\(outcome)")
            let tree = try place.bailey(["tree"])
            #expect(tree.output.components(separatedBy: "  exit 5  ").count == 4, "\(tree)")
        }

        @Test(
            "There doctor finds all it needs, and asks for nothing that only real root uses",
            arguments: Starter.possible
        )
        func doctor(starter: Starter) throws {
            let place = try Place(for: starter)
            let isMachineRoot = starter.userID == 0
            let outcome = try place.control("unshare -Ur '\(place.binary)' doctor")
            #expect(!outcome.output.contains("id-mapped"), "\(outcome)")
            #expect(outcome.code == (isMachineRoot ? 1 : 0), "\(outcome)")
            #expect(
                outcome.lines.filter { $0.hasPrefix("MISSING") }.count == (isMachineRoot ? 1 : 0),
                "\(outcome)"
            )
            let outside = try place.bailey(["doctor"]).output
            #expect(outside.contains("id-mapped") == isMachineRoot)
        }

        @Test(
            "Root's supplementary groups are no agent's, however deep",
            .enabled(if: getuid() == 0, "needs root")
        )
        func groups() throws {
            let place = try Place()
            try place.nestingProfiles()
            let show = "sed -n 's/^Groups:[^0-9]*/groups /p' /proc/self/status"
            try place.write(show, to: "workspace/show")
            try place.write("\(show); bailey run -p mid -- sh ./show", to: "workspace/both")
            let control = try place.control("setpriv --groups 0,4,42 sh ./show")
            #expect(control.output == "groups 0 4 42 \n", "\(control)")
            let outcome = try place.control(
                "setpriv --groups 0,4,42 \(place.launch) -p top --profiles ../profiles -- sh ./both"
            )
            #expect(outcome.output == "groups \ngroups \n", "\(outcome)")
        }
    }
}

extension Starter {
    fileprivate var userID: uid_t { self == .plainUser ? Self.plainUserID : getuid() }
}
