import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd.LaunchTests {
    @Test(
        "A plain user launches agents, with no rights on the host and no entry in its user database",
        .enabled(if: getuid() == 0)
    )
    func plainUser() throws {
        let place = try Place(for: .plainUser)
        let outcome = try place.agent("cat /proc/self/uid_map; id -u; echo made > file")
        #expect(outcome.code == 0, "\(outcome)")
        #expect(outcome.output.split { $0 == " " || $0 == "\n" } == ["65533", "65533", "1", "65533"])
        let attributes = try FileManager.default.attributesOfItem(atPath: place.workspace + "/file")
        #expect(attributes[.ownerAccountID] as? UInt32 == Starter.plainUserID)
    }

    // Only root makes folders of other users.
    @Test(
        "As root a workspace of another user's keeps its owners, and stays writable",
        .enabled(if: getuid() == 0)
    )
    func othersWorkspace() throws {
        try place.write("before", to: "workspace/old")
        for path in [place.workspace, place.workspace + "/old"] { chown(path, 4711, 4712) }
        let outcome = try place.agent(
            "echo x > made; mkdir folder; echo y >> old; stat -c %u made old . | uniq | wc -l"
        )
        #expect(outcome.lines == ["1"], "\(outcome)")
        for name in ["made", "folder", "old"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: place.workspace + "/" + name)
            #expect(attributes[.ownerAccountID] as? UInt32 == 4711)
            #expect(attributes[.groupOwnerAccountID] as? UInt32 == 4712)
        }
    }

    @Test("M16: /dev holds what programs need and no device of the machine's", arguments: Standing.possible)
    func devices(standing: Standing) throws {
        let place = try Place(for: standing.starter)
        let outcome = try place.agent(
            "ls /dev; echo x > /dev/null && head -c 4 /dev/urandom | wc -c",
            at: standing
        )
        let names = [
            "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty",
        ]
        #expect(Set(outcome.lines) == Set(names + ["urandom", "zero", "4"]), "\(outcome)")
    }

    @Test("P06: /proc shows the agent's own processes only", arguments: Standing.possible)
    func processes(standing: Standing) throws {
        let place = try Place(for: standing.starter)
        let outcome = try place.agent("ls -d /proc/[0-9]* | wc -l; cat /proc/1/comm", at: standing)
        #expect(outcome.lines.last == "bailey-init")
        #expect((outcome.lines.first.flatMap { Int($0) } ?? 99) < 8, "\(outcome)")
    }

    @Test(
        "M28 M29: the kernel's switches cannot be written, its state cannot be read",
        arguments: Standing.possible
    )
    func kernelFiles(standing: Standing) throws {
        let place = try Place(for: standing.starter)
        let written = "/proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sysrq-trigger"
        let read = "/proc/kcore /proc/kallsyms /proc/keys /proc/timer_list /proc/interrupts /proc/cmdline"
        let script =
            "for f in \(written); do (echo x > $f) && echo WROTE $f; done; head -qc 16 \(read); ls -A /sys"
        #expect(try place.agent(script, at: standing).output.isEmpty)
        #expect(try !place.control("head -qc 16 /proc/cmdline").output.isEmpty)
    }

    @Test(
        "M05 P03 S06: namespaces, mounts and io_uring are refused to the agent",
        arguments: Standing.possible
    )
    func refusedCalls(standing: Standing) throws {
        let place = try Place(for: standing.starter)
        let script = """
            unshare -Ur true && echo user; unshare -n true && echo net; mount -t tmpfs x /tmp && echo mounted
            mount -o remount,rw /usr && echo remounted; umount -l /tmp && echo unmounted; nsenter -t 1 -n true && echo joined
            """
        #expect(try place.agent(script, at: standing).output.isEmpty)
        #expect(try place.control("unshare -Ur echo made").lines == ["made"])
    }

    @Test("M18: no file with a set-user-id bit can be left for the host")
    func setUserID() throws {
        _ = try place.agent("cp /bin/true planted; chmod 4755 planted; chmod u+s planted")
        var status = stat()
        stat(place.workspace + "/planted", &status)
        #expect(status.st_mode & 0o7000 == 0)
        _ = try place.control("cp /bin/true other; chmod 4755 other")
        stat(place.workspace + "/other", &status)
        #expect(status.st_mode & 0o4000 != 0)
    }

    @Test("M23: what the host runs later is not the agent's to write, also where it is not there yet")
    func protectedPaths() throws {
        try place.write("[core]\n", to: "workspace/.git/config")
        try place.write("#!/bin/sh\n", to: "workspace/.git/hooks/post-checkout")
        _ = try place.agent(
            "echo evil >> .git/config; echo evil > .git/hooks/post-checkout; touch .git/hooks/pre-push"
        )
        #expect(place.read("workspace/.git/config") == "[core]\n")
        #expect(place.read("workspace/.git/hooks/post-checkout") == "#!/bin/sh\n")
        #expect(place.read("workspace/.git/hooks/pre-push") == nil)
    }

    @Test(
        "The caller's file mode creation mask is the command's, a child's as well",
        arguments: ["0077", "0022", "0002"]
    )
    func umask(mask: String) throws {
        let place = try Place()
        try place.nestingProfiles()
        let outcome = try place.control(
            "umask \(mask); \(place.launch) -p top --profiles ../profiles -- sh -c 'umask; bailey run -p leaf -- sh -c umask; touch made'"
        )
        #expect(outcome.lines == [mask, mask], "\(outcome)")
        let made = try FileManager.default.attributesOfItem(atPath: place.workspace + "/made")
        let bits = (made[.posixPermissions] as? NSNumber)?.uint32Value
        #expect(bits == 0o666 & ~(UInt32(mask, radix: 8) ?? 0))
    }

    @Test("/var/tmp is private, and the host's where the profile grants it or something in it")
    func variableTemporary() throws {
        var template = Array("/var/tmp/bailey-test-XXXXXX".utf8CString)
        #expect(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let place = try Place()
        try place.write("seen\n", to: folder + "/file")
        #expect(
            try place.agent("cat \(folder)/file; echo x > /var/tmp/mine && cat /var/tmp/mine").lines == ["x"]
        )
        try place.profile("inner", "extends: [base]\nfiles: {read: [\(folder)]}\n")
        let inner = try place.agent(
            "cat \(folder)/file; echo x > /var/tmp/mine && cat /var/tmp/mine",
            profile: "inner"
        )
        #expect(inner.lines == ["seen", "x"], "\(inner)")
        try place.profile("whole", "extends: [base]\nfiles: {read: [/var/tmp]}\n")
        #expect(try place.agent("cat \(folder)/file", profile: "whole").lines == ["seen"])
    }

    @Test("The session keyring is new: a key of the caller's is not in it")
    func keyring() throws {
        let serial = "/usr/bin/python3 -c 'import ctypes;print(ctypes.CDLL(None).syscall(250,0,-3,0))'"
        let inside = try place.agent(serial)
        #expect(inside.lines == ["-1"], "keyctl is refused as well: \(inside)")
        let outside = try place.control(serial)
        #expect((outside.lines.first.flatMap { Int($0) } ?? -1) > 0, "\(outside)")
    }
}
