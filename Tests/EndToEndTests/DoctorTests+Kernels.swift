import Foundation
import TestSupport
import Testing

/// Kernels that lack something: a filter that the launcher inherits answers as they do.
extension EndToEnd.DoctorTests {
    /// `without nftables COMMAND…` or `without landlock COMMAND…`.
    private func without() throws -> String {
        try place.write(Self.program, to: "without.c")
        return try Attacker.compiled(place.root + "/without.c")
    }

    @Test(
        "G26: On a kernel without nftables it exits 1 and names the module, and bailey run runs nothing, whatever is accepted"
    )
    func withoutCapture() throws {
        let kernel = try "'\(without())' nftables"
        let outcome = try place.control("\(kernel) '\(Binary.path)' doctor")
        #expect(outcome.code == 1, "\(outcome)")
        #expect(outcome.output.contains("MISSING   nftables-tproxy: "), "\(outcome)")
        #expect(outcome.output.contains("modprobe -a nf_tables nft_tproxy"), "\(outcome)")
        let run = try place.control("\(kernel) \(place.launch) -- touch ran")
        #expect(run.code == 125 && run.errors.contains("nf_tables"), "\(run)")
        #expect(run.errors.contains("run 'bailey doctor'"), "\(run)")
        let waved = try place.control("\(kernel) \(place.launch) --allow-degraded nftables -- touch ran")
        #expect(waved.code == 125 && waved.errors.contains("names nothing that may be missing"), "\(waved)")
        #expect(place.read("workspace/ran") == nil)
        let control = try place.control("\(place.launch) -- touch ran")
        #expect(control.code == 0 && place.read("workspace/ran") != nil, "the control: \(control)")
    }

    @Test(
        "G26: On a kernel without Landlock doctor says so, and a child is refused, unless that is accepted by its name, which each record has",
        .enabled(if: Kernel.wallsChildren, "\(Kernel.childrenWall)")
    )
    func withoutLandlock() throws {
        let place = try Place.nesting()
        let kernel = try "'\(without())' landlock"
        let outcome = try place.control("\(kernel) '\(Binary.path)' doctor")
        #expect(outcome.output.contains("degraded  landlock: "), "\(outcome)")
        #expect(outcome.output.contains("Use Linux 6.12 or newer with landlock"), "\(outcome)")
        let launch = { (words: String) in
            try place.control("\(words) -p top -- bailey run -p leaf -- touch ran")
        }
        let refused = try launch("\(kernel) \(place.launch)")
        #expect(refused.code == 125 && place.read("workspace/ran") == nil, "\(refused)")
        #expect(refused.errors.contains("Landlock ABI 0 of 6"), "\(refused)")
        #expect(refused.errors.contains("--allow-degraded landlock"), "\(refused)")
        let accepted = try launch("\(kernel) \(place.launch) --allow-degraded landlock")
        #expect(accepted.code == 0 && place.read("workspace/ran") != nil, "\(accepted)")
        let records = try place.bailey(["audit", "--json"]).lines.filter { $0.contains(#""kind":"spawn","#) }
        #expect(
            records.count >= 2
                && records.suffix(2).allSatisfy {
                    $0.range(of: #""degraded":\[[^\]]*"landlock""#, options: .regularExpression) != nil
                },
            "\(records)"
        )
        // The control: this kernel has it.
        try FileManager.default.removeItem(atPath: place.workspace + "/ran")
        let control = try launch(place.launch)
        #expect(control.code == 0 && place.read("workspace/ran") != nil, "the control: \(control)")
    }

    /// Answers as a kernel without nf_tables does to a socket of its netlink, or as one without Landlock does.
    private static let program = #"""
        #include <errno.h>
        #include <linux/filter.h>
        #include <linux/netlink.h>
        #include <linux/seccomp.h>
        #include <stddef.h>
        #include <stdio.h>
        #include <string.h>
        #include <sys/prctl.h>
        #include <sys/socket.h>
        #include <sys/syscall.h>
        #include <unistd.h>

        #define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
        #define UNLESS(value, skipped) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped)
        #define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, value)
        #define REFUSE(number) ANSWER(SECCOMP_RET_ERRNO | (number))

        static struct sock_filter nftables[] = {
            LOAD(nr), UNLESS(SYS_socket, 5), LOAD(args[0]), UNLESS(AF_NETLINK, 3),
            LOAD(args[2]), UNLESS(NETLINK_NETFILTER, 1), REFUSE(EPROTONOSUPPORT), ANSWER(SECCOMP_RET_ALLOW)};
        static struct sock_filter landlock[] = {
            LOAD(nr), UNLESS(SYS_landlock_create_ruleset, 1), REFUSE(ENOSYS), ANSWER(SECCOMP_RET_ALLOW)};

        int main(int count, char **words) {
            if (count < 3) return 126;
            int is_nftables = !strcmp(words[1], "nftables");
            struct sock_fprog program = {.filter = is_nftables ? nftables : landlock};
            program.len = is_nftables ? sizeof nftables / sizeof *nftables : sizeof landlock / sizeof *landlock;
            if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
                perror("without");
                return 126;
            }
            execvp(words[2], words + 2);
            perror(words[2]);
            return 126;
        }

        """#
}
