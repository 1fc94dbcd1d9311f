/* Section S: system calls that a filter must stop, however they are made. */
#include "probe.h"
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>

/* Calls that Debian 12's headers lack or leave to libraries. */
enum { call_mount_setattr = 442, call_open_tree_attr = 467, call_memfd_secret = 447, call_process_mrelease = 448,
       call_process_madvise = 440, call_statmount = 457 };

static void *waits(void *pipe) {
    char byte;
    (void)!read(*(int *)pipe, &byte, 1);
    return NULL;
}

/* S01: a process or thread without the filter, init included. */
static int unfiltered(int count, char **words) {
    (void)count, (void)words;
    int ends[2];
    pthread_t thread;
    char line[256];
    glob_t found;
    if (pipe(ends) < 0 || pthread_create(&thread, NULL, waits, &ends[0]) != 0) return reached("no thread to look at");
    if (glob("/proc/*/task/*/status", 0, NULL, &found) != 0 || found.gl_pathc < 3) return reached("nothing to look at");
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *file = fopen(found.gl_pathv[i], "r");
        while (file && fgets(line, sizeof line, file))
            if (strncmp(line, "Seccomp:", 8) == 0 && atoi(line + 8) != 2) return reached("%s", found.gl_pathv[i]);
        if (file) fclose(file);
    }
    return 0;
}

/* S02: clone3 must not exist, or C libraries do not fall back. */
static int clone3(int count, char **words) {
    (void)count, (void)words;
    note(syscall(SYS_clone3, NULL, 0));
    return last_error != ENOSYS ? reached("clone3 answers %s", strerrorname_np(last_error)) : 0;
}

static long cloned(unsigned long flags) {
    long child = syscall(SYS_clone, flags, 0, 0, 0, 0);
    if (child == 0) _exit(0);
    if (child > 0) waitpid((pid_t)child, NULL, __WALL);
    return child;
}

/* S03: the flag of a user namespace, with others and with bits above the 32 that the kernel reads. */
static int masked_flags(int count, char **words) {
    (void)count, (void)words;
    TRY("with high bits", cloned(0x700000000UL | CLONE_NEWUSER | SIGCHLD));
    TRY("without a signal", cloned(CLONE_NEWUSER));
    TRY("with many", cloned(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_FILES | SIGCHLD));
    TRY("unshare with high bits", syscall(SYS_unshare, 0x700000000UL | CLONE_NEWUSER));
    return 0;
}

/* S04: the mount calls, old and new. */
static int mount_calls(int count, char **words) {
    (void)count, (void)words;
    struct { uint64_t set, clear, propagation, userns; } attributes = {1 /* RDONLY */, 0, 0, 0};
    TRY("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* CLONE */));
    TRY("open_tree_attr", syscall(call_open_tree_attr, AT_FDCWD, "/", 1, &attributes, sizeof attributes));
    TRY("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
    TRY("fspick", syscall(SYS_fspick, AT_FDCWD, "/", 0));
    TRY("mount_setattr", syscall(call_mount_setattr, AT_FDCWD, "/", 0, &attributes, sizeof attributes));
    TRY("move_mount", syscall(SYS_move_mount, AT_FDCWD, "/proc", AT_FDCWD, "/tmp", 0));
    TRY("pivot_root", syscall(SYS_pivot_root, ".", "."));
    TRY("chroot", chroot("."));
    return 0;
}

/* S05: numbers that nobody knows (SystemCallTable ends at 471) do not exist, whatever their arguments. */
static int unknown(int count, char **words) {
    (void)count, (void)words;
    for (long number = 472; number < 1100; number += 7) {
        note(syscall(number, 0, 0, 0, 0, 0, 0));
        if (last_error != ENOSYS) return reached("%ld answers %s", number, strerrorname_np(last_error));
    }
    return 0;
}

/* S06: io_uring. */
static int ring(int count, char **words) {
    char parameters[120] = {0};
    (void)count, (void)words;
    TRY("io_uring_setup", syscall(425, 4, parameters));
    return 0;
}

/* S07: programs and counters in the kernel, faults handled by hand. */
static int instruments(int count, char **words) {
    (void)count, (void)words;
    uint32_t map[32] = {2 /* ARRAY */, 4, 4, 1}, event[32] = {1 /* SOFTWARE */, 128, 0, 0};
    event[10] = 0x62; /* disabled, user space only */
    TRY("bpf", syscall(SYS_bpf, 0 /* MAP_CREATE */, map, sizeof map));
    TRY("perf_event_open", syscall(SYS_perf_event_open, event, 0, -1, -1, 0));
    TRY("userfaultfd", syscall(SYS_userfaultfd, 1 /* USER_MODE_ONLY */));
    return 0;
}

/* S08: keyrings. */
static int keys(int count, char **words) {
    (void)count, (void)words;
    TRY("add_key", syscall(SYS_add_key, "user", "canary4711", "x", 1, KEY_SPEC_PROCESS_KEYRING));
    TRY("keyctl", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 0));
    TRY("request_key", syscall(SYS_request_key, "user", "canary4711", NULL, 0));
    return 0;
}

/* S10: where memory lies. */
static int placement(int count, char **words) {
    (void)count, (void)words;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned long nodes = 1;
    int status;
    *(char *)page = 1;
    TRY("mbind", syscall(SYS_mbind, page, 4096, 0, NULL, 0, 0));
    TRY("move_pages", syscall(SYS_move_pages, 0, 1, &page, NULL, &status, 0));
    TRY("migrate_pages", syscall(SYS_migrate_pages, 0, 2, &nodes, &nodes));
    TRY("set_mempolicy", syscall(SYS_set_mempolicy, 0, NULL, 0));
    return 0;
}

/* S11: watches over file systems, the kernel's log. */
static int watches(int count, char **words) {
    (void)count, (void)words;
    TRY("fanotify_init", fanotify_init(FAN_CLASS_NOTIF, O_RDONLY));
    TRY("fanotify_init of names", fanotify_init(FAN_REPORT_FID, O_RDONLY));
    TRY("syslog", klogctl(10 /* SIZE_BUFFER */, NULL, 0));
    TRY("uselib", syscall(SYS_uselib, "/nowhere"));
    return 0;
}

/* S12: pages that are lent and changed after they were looked at. */
static int lent_pages(int count, char **words) {
    (void)count, (void)words;
    int ends[2];
    struct iovec data = {"x", 1};
    if (pipe(ends) < 0) return 0;
    TRY("vmsplice", vmsplice(ends[1], &data, 1, SPLICE_F_GIFT));
    return 0;
}

/* A terminal of its own as controlling terminal; its descriptor. */
static int own_terminal(void) {
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
    setsid();
    if (master < 0 || unlockpt(master) < 0 || (slave = open(ptsname(master), O_RDWR)) < 0) return -1;
    ioctl(slave, TIOCSCTTY, 0);
    return slave;
}

/* S13: input pushed into a terminal, also with bits above the 32 that the kernel reads. */
static int pushed_input(void) {
    int terminal = own_terminal();
    if (terminal < 0) return 3;
    if (syscall(SYS_ioctl, terminal, 0x100000000UL | TIOCSTI, "x") == 0) return 0;
    return ioctl(terminal, TIOCSTI, "x") == 0 ? 0 : 1;
}

static int typed(int count, char **words) {
    (void)count, (void)words;
    int code = in_child(pushed_input);
    if (code == 3) return reached("no terminal to try it on");
    last_error = EPERM;
    return code == 0 ? reached("TIOCSTI") : 0;
}

/* S14: TIOCLINUX pastes on a console. What answers anything but EPERM is the terminal's own code. */
static int console_call(void) {
    char paste = 3;
    int terminal = own_terminal();
    if (terminal < 0) return 3;
    return ioctl(terminal, TIOCLINUX, &paste) < 0 && errno == EPERM ? 1 : 0;
}

static int console(int count, char **words) {
    (void)count, (void)words;
    int code = in_child(console_call);
    if (code == 3) return reached("no terminal to try it on");
    last_error = EPERM;
    return code == 0 ? reached("the terminal's code answers TIOCLINUX") : 0;
}

/* S15: flags of a file that its owner has to undo. */
static int file_flags(int count, char **words) {
    (void)count, (void)words;
    int file = open("flagged", O_RDWR | O_CREAT, 0600), flags = FS_NOATIME_FL;
    struct fsxattr attributes = {.fsx_xflags = FS_XFLAG_NOATIME};
    TRY("FS_IOC_SETFLAGS", ioctl(file, FS_IOC_SETFLAGS, &flags));
    TRY("with high bits", syscall(SYS_ioctl, file, 0x100000000UL | FS_IOC_SETFLAGS, &flags));
    TRY("FS_IOC_FSSETXATTR", ioctl(file, FS_IOC_FSSETXATTR, &attributes));
    return 0;
}

/* S16: a filter of the agent's own: it may not listen, and what it allows is not allowed by it. */
static int own_filter(int count, char **words) {
    (void)count, (void)words;
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {1, &allow};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    TRY("a listener", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
    TRY("a listener, with high bits", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0x100000000UL | SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) return 0;
    TRY("what its own filter allows", unshare(CLONE_NEWUSER));
    return 0;
}

/* S19: a 32-bit program; it ends with 42. */
static int foreign_program(int count, char **words) {
    (void)count, (void)words;
    static const unsigned char program[] = {
        0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 1, 0, 0, 0,     /* i386, executable */
        0x54, 0x80, 0x04, 0x08, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x34, 0, 0x20, 0, 1, 0, 0, 0, 0, 0, 0, 0,
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x04, 0x08, 0, 0x80, 0x04, 0x08, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 5, 0, 0, 0, 0, 0x10, 0, 0,
        0xb8, 1, 0, 0, 0, 0xbb, 42, 0, 0, 0, 0xcd, 0x80}; /* exit(42) */
    int file = open("foreign", O_WRONLY | O_CREAT | O_TRUNC, 0755), status;
    if (file < 0 || write(file, program, sizeof program) != sizeof program) return note(-1), 0;
    close(file);
    pid_t child = fork();
    if (child == 0) {
        execl("./foreign", "./foreign", NULL);
        _exit(errno);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0) return note(-1), 0;
    if (WIFSIGNALED(status)) return last_error = 1000 + WTERMSIG(status), 0;
    last_error = WEXITSTATUS(status);
    return WEXITSTATUS(status) == 42 ? reached("an i386 program ran") : 0;
}

/* S21: forged entries of /proc. PR_SET_MM_MAP_SIZE asks for no privilege. */
static int own_memory_map(int count, char **words) {
    (void)count, (void)words;
    unsigned int size = 0;
    TRY("PR_SET_MM", prctl(35, 15 /* MAP_SIZE */, &size, 0, 0));
    TRY("with high bits", syscall(SYS_prctl, 0x100000000UL | 35, 15, &size, 0, 0));
    return 0;
}

/* S22: memory that no limit sees, and other processes' memory. */
static int hidden_memory(int count, char **words) {
    (void)count, (void)words;
    static char page[8192];
    struct iovec range = {(void *)(((uintptr_t)page + 4095) & ~4095UL), 4096};
    int self = (int)syscall(SYS_pidfd_open, getppid(), 0);
    TRY("memfd_secret", syscall(call_memfd_secret, 0));
    TRY("process_madvise", syscall(call_process_madvise, self, &range, 1, 20 /* MADV_COLD */, 0));
    TRY("process_mrelease", syscall(call_process_mrelease, self, 0));
    return 0;
}

PROBES({"S01", unfiltered}, {"S02", clone3}, {"S03", masked_flags}, {"S04", mount_calls}, {"S05", unknown}, {"S06", ring},
       {"S07", instruments}, {"S08", keys}, {"S10", placement}, {"S11", watches}, {"S12", lent_pages}, {"S13", typed},
       {"S14", console}, {"S15", file_flags}, {"S16", own_filter}, {"S19", foreign_program}, {"S21", own_memory_map},
       {"S22", hidden_memory})
