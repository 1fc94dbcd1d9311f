/// A C program that makes one call per group in a child of its own and prints `name errno`.
///
/// Arguments are chosen so that the same call without a filter gives another answer and harms nothing. Its
/// arguments are the files with the filters, in the order in which they are loaded; none for none. `name -N` stands for death by signal N.
enum SeccompProbeSource {
    static let text = #"""
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <linux/filter.h>
        #include <linux/seccomp.h>
        #include <pthread.h>
        #include <sched.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/prctl.h>
        #include <sys/socket.h>
        #include <sys/stat.h>
        #include <sys/syscall.h>
        #include <sys/wait.h>
        #include <unistd.h>

        static char programs[2][1 << 15]; /* BPF_MAXINSNS of 8 bytes */
        static struct sock_fprog filters[2];

        static void *thread(void *unused) { return unused; }
        static long new_thread(void) {
            pthread_t id;
            errno = pthread_create(&id, 0, thread, 0);
            if (errno) return -1;
            return pthread_join(id, 0);
        }
        static long new_process(void) {
            int status, pid = fork();
            if (pid == 0) { execl("/bin/true", "true", (char *)0); _exit(1); }
            if (pid < 0 || waitpid(pid, &status, 0) != pid) return -1;
            errno = ECHILD;
            return status == 0 ? 0 : -1;
        }
        static long foreign(void) {
            long result = 0;
        #ifdef __x86_64__
            __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
        #endif
            return result;
        }
        #define S(...) syscall(__VA_ARGS__)
        #define HIGH 0x100000000UL
        #define PROBES \
            P(mount, S(SYS_mount, 0, 0, 0, 0, 0)) P(umount2, S(SYS_umount2, 0, 0)) \
            P(pivot_root, S(SYS_pivot_root, 0, 0)) P(chroot, S(SYS_chroot, 0)) \
            P(open_tree, S(428, -1, 0, -1)) P(move_mount, S(429, -1, 0, -1, 0, -1)) P(fsopen, S(430, 0, -1)) \
            P(fsconfig, S(431, -1, -1, 0, 0, 0)) P(fsmount, S(432, -1, -1, 0)) P(fspick, S(433, -1, 0, -1)) \
            P(mount_setattr, S(442, -1, 0, -1, 0, 0)) P(open_tree_attr, S(467, -1, 0, -1, 0, 0)) \
            P(statmount, S(457, 0, 0, 0, -1)) P(listmount, S(458, 0, 0, 0, -1)) \
            P(listns, S(470, 0, 0, 0, -1)) P(ns_mnt_get_info, S(SYS_ioctl, -1, 0x8010b70a)) \
            P(nice_negative, S(SYS_setpriority, 0, -1, -5)) P(nice_positive, S(SYS_setpriority, 0, 0, 1)) \
            P(tiocvhangup, S(SYS_ioctl, -1, 0x5437)) P(mptcp, S(SYS_socket, 2, 1, 262)) \
            P(splice, S(SYS_splice, -1, 0, -1, 0, 0, 0)) P(tee, S(SYS_tee, -1, -1, 0, 0)) \
            P(memfd, S(SYS_memfd_create, "x", 0)) P(execveat, S(SYS_execveat, -1, "", 0, 0, 0)) \
            P(shmget, S(SYS_shmget, 0x12345678, 1, 0)) P(mq_open, S(SYS_mq_open, "x", 0, 0, 0)) \
            P(setuid, S(SYS_setuid, getuid())) \
            P(io_setup, S(SYS_io_setup, 0, 0)) P(get_mempolicy, S(SYS_get_mempolicy, 0, 0, 0, 0, 0)) \
            P(sched_affinity, S(SYS_sched_setaffinity, -1, 0, 0)) P(mlockall, S(SYS_mlockall, -1)) \
            P(attach_filter, S(SYS_setsockopt, -1, 1, 26, 0, 0)) P(tcp_ulp, S(SYS_setsockopt, -1, 6, 31, 0, 0)) \
            P(attach_filter_high, S(SYS_setsockopt, -1, 1, 26 | HIGH, 0, 0)) \
            P(reuse_address, S(SYS_setsockopt, -1, 1, 2, 0, 0)) \
            P(unknown_ioctl, S(SYS_ioctl, -1, 0x1234)) P(pr_set_timerslack, S(SYS_prctl, 29, 1, 0, 0, 0)) \
            P(gap_340, S(340)) \
            P(unshare, S(SYS_unshare, 0)) P(setns, S(SYS_setns, -1, 0)) \
            P(clone_newuser, S(SYS_clone, 0x10000200, 0, 0, 0, 0)) \
            P(clone_newns, S(SYS_clone, 0x00020200, 0, 0, 0, 0)) \
            P(clone3, S(SYS_clone3, 0, 0)) P(ns_get_parent, S(SYS_ioctl, -1, 0xb702)) \
            P(sethostname, S(SYS_sethostname, 0, -1)) P(ptrace, S(SYS_ptrace, 0, 0, 0, 0)) \
            P(process_vm_readv, S(SYS_process_vm_readv, getpid(), 0, 0, 0, 0, 0)) \
            P(pidfd_getfd, S(438, -1, 0, 0)) P(kcmp, S(SYS_kcmp, getpid(), getpid(), 1, 0, 0)) \
            P(process_madvise, S(440, -1, 0, 0, 0, 0)) \
            P(keyctl, S(SYS_keyctl, -1)) P(add_key, S(SYS_add_key, 0, 0, 0, 0, 0)) \
            P(request_key, S(SYS_request_key, 0, 0, 0, 0)) \
            P(no_randomise, S(SYS_personality, 0x40000)) P(read_implies_exec, S(SYS_personality, 0x400000)) \
            P(personality_query, S(SYS_personality, 0xffffffff)) P(personality_linux, S(SYS_personality, 0)) \
            P(pr_set_mm, S(SYS_prctl, 35, -1, 0, 0, 1)) P(pr_set_name, S(SYS_prctl, 15, "x", 0, 0, 0)) \
            P(new_listener, S(SYS_seccomp, 1, 8, 0)) P(own_filter, S(SYS_seccomp, 1, 0, 0)) P(strict_mode, S(SYS_seccomp, 0, 1, 0)) \
            P(sched_fifo, S(SYS_sched_setscheduler, 0, 1, 0)) P(sched_batch, S(SYS_sched_setscheduler, 0, 3, &zero)) \
            P(sched_fifo_reset, S(SYS_sched_setscheduler, 0, 0x40000001, 0)) \
            P(sched_setattr, S(SYS_sched_setattr, 0, 0, 0)) P(ioprio_rt, S(SYS_ioprio_set, 9, 0, 0x2000)) \
            P(mbind, S(SYS_mbind, 1, 0, 0, 0, 0, 0)) P(move_pages, S(SYS_move_pages, 0, 0, 0, 0, 0, -1)) \
            P(set_mempolicy, S(SYS_set_mempolicy, 0, 0, 0)) P(bpf, S(SYS_bpf, -1, 0, 0)) \
            P(perf_event_open, S(SYS_perf_event_open, 0, 0, -1, -1, -1)) \
            P(userfaultfd, S(SYS_userfaultfd, -1)) P(vmsplice, S(SYS_vmsplice, -1, 0, 0, 0)) \
            P(io_uring_setup, S(425, 0, 0)) P(io_uring_enter, S(426, -1, 0, 0, 0, 0, 0)) \
            P(reboot, S(SYS_reboot, 0, 0, 0, 0)) P(swapoff, S(SYS_swapoff, 0)) P(acct, S(SYS_acct, 1)) \
            P(finit_module, S(SYS_finit_module, -1, 0, 0)) P(kexec_load, S(SYS_kexec_load, 0, -1, 0, -1)) \
            P(clock_settime, S(SYS_clock_settime, 1, &zero)) P(adjtimex, S(SYS_adjtimex, 0)) \
            P(ioperm, S(SYS_ioperm, -1, 1, 1)) P(syslog, S(SYS_syslog, 10, 0, 0)) \
            P(lsm_set_self_attr, S(460, 0, 0, 0, -1)) P(lookup_dcookie, S(SYS_lookup_dcookie, 0, 0, 0)) \
            P(name_to_handle_at, S(SYS_name_to_handle_at, -1, 0, 0, 0, -1)) \
            P(open_by_handle_at, S(SYS_open_by_handle_at, -1, 0, 0)) P(fanotify, S(SYS_fanotify_init, -1, 0)) \
            P(chmod_suid, S(SYS_chmod, "/-/x", 04755)) P(chmod_sgid, S(SYS_chmod, "/-/x", 02755)) \
            P(fchmod_suid, S(SYS_fchmod, -1, 04755)) P(fchmodat_suid, S(SYS_fchmodat, -1, "x", 04755)) \
            P(fchmodat2_suid, S(452, -1, "x", 04755, 0)) P(open_suid, S(SYS_open, "/-/x", 0101, 04755)) \
            P(openat_suid, S(SYS_openat, -1, "x", 0101, 04755)) P(creat_suid, S(SYS_creat, "/-/x", 04755)) \
            P(tmpfile_suid, S(SYS_openat, -1, "x", 020200001, 04755)) \
            P(mknod_suid, S(SYS_mknod, "/-/x", 0104755, 0)) P(openat2, S(437, -1, 0, 0, 0)) \
            P(mknod_char, S(SYS_mknod, "/-/x", 020600, 0x103)) P(mknod_block, S(SYS_mknodat, -1, "x", 060600, 0)) \
            P(tiocsti, S(SYS_ioctl, -1, 0x5412, "x")) P(tiocsti_high, S(SYS_ioctl, -1, 0x5412 | HIGH, "x")) \
            P(tioclinux, S(SYS_ioctl, -1, 0x541c, "x")) P(tiocgwinsz, S(SYS_ioctl, -1, 0x5413, 0)) \
            P(setflags, S(SYS_ioctl, -1, 0x40086602, 0)) P(fifreeze, S(SYS_ioctl, -1, 0xc0045877, 0)) \
            P(file_setattr, S(469, -1, 0, 0, 0, -1)) P(blkdiscard, S(SYS_ioctl, -1, 0x1277, 0)) \
            P(vsock, S(SYS_socket, 40, 15, 0)) P(alg, S(SYS_socket, 38, 15, 0)) \
            P(packet, S(SYS_socket, 17, 15, 0)) P(bluetooth, S(SYS_socket, 31, 15, 0)) \
            P(pair_inet, S(SYS_socketpair, 2, 15, 0, 0)) P(netfilter, S(SYS_socket, 16, 15, 12)) \
            P(raw, S(SYS_socket, 2, 3, 0)) P(raw6, S(SYS_socket, 10, 3, 0)) P(ping, S(SYS_socket, 2, 2, 1)) \
            P(seqpacket, S(SYS_socket, 2, 5, 0)) P(protocol_300, S(SYS_socket, 2, 1, 300)) \
            P(unix_socket, S(SYS_socket, 1, 1, 0)) P(unix_seqpacket, S(SYS_socket, 1, 5 | 02000000, 0)) \
            P(tcp, S(SYS_socket, 2, 1 | 02004000, 6)) P(udp6, S(SYS_socket, 10, 2, 0)) \
            P(route, S(SYS_socket, 16, 3, 0)) P(pair, socketpair(1, 1, 0, pair)) \
            P(plain_open, S(SYS_openat, -100, "/dev/null", 1, 04755)) P(plain_chmod, S(SYS_chmod, "/-/x", 01777)) \
            P(thread, new_thread()) P(process, new_process()) \
            P(call_600, S(600)) P(x32_getpid, S(0x40000027)) P(i386_getpid, foreign())

        static int pair[2];
        static long zero[8];

        static void child(int number) {
            int at = 0;
            if (filters[0].len != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(255);
            for (int i = 0; i < 2 && filters[i].len != 0; i++)
                if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filters[i]) != 0) _exit(254);
        #define P(name, call) if (at++ == number) _exit((call) < 0 ? errno : 0);
            PROBES
        #undef P
        }

        int main(int count, char **arguments) {
            static const char *names[] = {
        #define P(name, call) #name,
                PROBES
        #undef P
            };
            if (count > 3) return 2;
            for (int i = 0; i + 1 < count; i++) {
                int file = open(arguments[i + 1], O_RDONLY);
                long size = read(file, programs[i], sizeof programs[i]);
                if (size <= 0) return 3;
                filters[i].len = size / 8;
                filters[i].filter = (struct sock_filter *)programs[i];
            }
            for (unsigned at = 0; at < sizeof names / sizeof *names; at++) {
                int status, pid = fork();
                if (pid == 0) { child(at); _exit(253); }
                if (pid < 0 || waitpid(pid, &status, 0) != pid) return 4;
                printf("%s %d\n", names[at], WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
                fflush(stdout);
            }
            return 0;
        }
        """#
}
