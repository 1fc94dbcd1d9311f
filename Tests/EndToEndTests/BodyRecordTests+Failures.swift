import Foundation
import TestSupport
import Testing

/// Where nothing can be recorded.
extension EndToEnd.BodyRecordTests {
    @Test(
        "Where the key of what is recorded is gone nothing leaves that must be, a request without a body neither, until it is back"
    )
    func keyGone() throws {
        let status = "-o /dev/null -w '%{http_code}'"
        #expect(try curl(status, servers.tlsPort, "/v1/read/key-before").output == "200")
        let (key, aside) = (place.root + "/state/bailey/keys/recordings.key", place.root + "/kept.key")
        try FileManager.default.moveItem(atPath: key, toPath: aside)
        let refused = try curl("", servers.tlsPort, "/v1/read/key-gone")
        #expect(Denial.first(in: refused.output)?.reason == "audit-unavailable", "\(refused)")
        #expect(!refused.output.contains("recordings.key"), "an agent hears of keys")
        #expect(try servers.requests(with: "/key-gone ") == 0)
        let denied = try place.records(["--denied"])
        #expect(
            denied.contains { $0.record.message?.contains("recordings.key is gone") == true },
            "\(denied)"
        )
        #expect(!FileManager.default.fileExists(atPath: key))
        try FileManager.default.moveItem(atPath: aside, toPath: key)
        #expect(try curl(status, servers.tlsPort, "/v1/read/key-back").output == "200", "the control")
        #expect(try servers.requests(with: "/key-back ") > 0, "the control")
        try expectVerified()
    }

    @Test(
        "I05: a full disk ends what cannot be recorded, by name, before it is at the server; with room again all goes on",
        .enabled(if: Internet.available, "needs root: a small file system of the test's own")
    )
    func fullDisk() throws {
        let script = """
            curl -sS -m20 -o /dev/null -w '%{http_code}\\n' -d first https://allowed.test:\(servers.tlsPort)/v1/read/first
            head -c 5000000 /dev/zero > large
            curl -sS -m20 -w ' %{http_code}\\n' -T large https://allowed.test:\(servers.tlsPort)/v1/read/whole
            curl -sS -m20 -w ' %{http_code}\\n' -d small https://allowed.test:\(servers.tlsPort)/v1/read/small
            touch ready; for i in $(seq 2000); do [ -e room ] && break; sleep 0.05; done
            curl -sS -m20 -o /dev/null -w '%{http_code}\\n' -T large https://allowed.test:\(servers.tlsPort)/v1/read/again
            """
        try place.write(script, to: "workspace/script")
        let outcome = try place.control(
            """
            folder=$XDG_STATE_HOME/bailey/recordings
            mkdir -p $folder; chmod 700 $XDG_STATE_HOME/bailey $folder
            unshare -m sh -c '
                mount -t tmpfs -o size=1m,mode=700 none "$2" || exit 99
                "$0" run -p full --profiles "$1" -- sh ./script & agent=$!
                for i in $(seq 2000); do [ -e ready ] && break; sleep 0.05; done
                mount -o remount,size=20m "$2"
                touch room; wait $agent
            ' '\(Binary.path)' '\(place.profiles)' $folder
            """
        )
        let lines = outcome.output.split(separator: "\n")
        #expect(lines.first == "200" && lines.last == "200", "\(outcome)")
        #expect(Denial.first(in: outcome.output)?.reason == "audit-unavailable", "\(outcome)")
        #expect(!outcome.output.contains("\(place.root)/state"), "an agent hears where recordings are")
        #expect(try servers.requests(with: " /whole ") == 0)
        let denied = try place.records(["--denied"])
        #expect(denied.contains { $0.record.message?.contains("No space left") == true }, "\(denied)")
    }
}
