/* Section M: mounts and files. */
#include "probe.h"
#include <poll.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

/* Calls that Debian 12's C library or headers lack. */
enum { call_listmount = 458, call_fchmodat2 = 452, call_mount_setattr = 442 };
enum { exchange = 2 /* RENAME_EXCHANGE */ };

static int writes(const char *path) {
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (note(file) < 0) return 0;
    close(file);
    unlink(path);
    return reached("wrote %s", path);
}

/* M01 M03: files below what is read-only. */
static int read_only(int count, char **words) {
    for (int i = 0; i < count; i++)
        if (writes(words[i])) return 1;
    return 0;
}

/* M02: FOLDER FILE. The old call, the new call, and then the effect. */
static int remounted(int count, char **words) {
    if (count < 2) return 0;
    struct { uint64_t set, clear, propagation, userns; } attributes = {0, MS_RDONLY, 0, 0};
    note(mount(NULL, words[0], NULL, MS_REMOUNT | MS_BIND, NULL));
    note(syscall(call_mount_setattr, AT_FDCWD, words[0], 0x8000 /* AT_RECURSIVE */, &attributes, sizeof attributes));
    int refusal = last_error;
    if (writes(words[1])) return 1;
    last_error = refusal;
    return 0;
}

/* M04: what lies over something else is taken away. */
static int peeled(int count, char **words) {
    for (int i = 0; i < count; i++) TRY(words[i], umount2(words[i], MNT_DETACH));
    return 0;
}

/* M05: mounts in namespaces of its own. */
static int own_namespace(int count, char **words) {
    (void)count, (void)words;
    if (note(unshare(CLONE_NEWUSER | CLONE_NEWNS)) < 0 && note(unshare(CLONE_NEWNS)) < 0) return 0;
    TRY("mounted a tmpfs", mount("none", "/tmp", "tmpfs", 0, NULL));
    return 0;
}

/* M14: FILE through every process's root, directory and descriptors. */
static int through_proc(int count, char **words) {
    char pattern[4096];
    const char *ways[] = {"/proc/*/root%s", "/proc/*/task/*/root%s", "/proc/*/cwd/../../../../../..%s",
                          "/proc/*/fd/*/../../../../../..%s"};
    for (size_t i = 0; count > 0 && i < sizeof ways / sizeof *ways; i++) {
        snprintf(pattern, sizeof pattern, ways[i], words[0]);
        if (open_any(pattern, O_RDONLY, 1)) return 1;
    }
    return 0;
}

/* M16: makes a device (that of /dev/null) and opens it; opens the machine's. */
static int devices(int count, char **words) {
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/node-%d", words[i], getpid());
        if (note(mknod(path, S_IFCHR | 0600, makedev(1, 3))) < 0 && note(mknod(path, S_IFBLK | 0600, makedev(7, 0))) < 0)
            continue;
        int opened = open(path, O_RDWR);
        unlink(path);
        if (note(opened) >= 0) return reached("a device made in %s", words[i]);
    }
    const char *names[] = {"/dev/mem",  "/dev/kmem",    "/dev/port", "/dev/kvm",   "/dev/fuse",  "/dev/net/tun",
                           "/dev/vd?",  "/dev/sd?",     "/dev/kmsg", "/dev/vsock", "/dev/uinput", "/dev/loop*",
                           "/dev/tty1", "/dev/console", "/dev/vhost*", "/dev/userfaultfd"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (open_any(names[i], O_RDONLY, 0)) return 1;
    return 0;
}

/* M17: this program itself, owned by root and with the set-user-id bit. */
static int set_user_id(int count, char **words) {
    (void)count, (void)words;
    if (geteuid() == 0) return reached("uid 0");
    last_error = EPERM;
    return 0;
}

static int is_set_id(const char *how) {
    struct stat status;
    return stat("planted", &status) == 0 && status.st_mode & 06000 ? reached("%s left mode %o", how, status.st_mode & 07777) : 0;
}

#define PLANT(how, call)                      \
    do {                                      \
        note((long)(call));                   \
        if (is_set_id(how)) return 1;         \
    } while (0)

/* M18: a set-user-id file for somebody outside, by every call that gives a file its mode. */
static int planted(int count, char **words) {
    (void)count, (void)words;
    struct { uint64_t flags, mode, resolve; } how = {O_WRONLY | O_CREAT, 04755, 0};
    int file = open("planted", O_WRONLY | O_CREAT, 0755);
    PLANT("chmod", chmod("planted", 04755));
    PLANT("chmod with high bits", syscall(SYS_chmod, "planted", 0x100000000L | 02755));
    PLANT("fchmod", fchmod(file, 06755));
    PLANT("fchmodat", fchmodat(AT_FDCWD, "planted", 04755, 0));
    PLANT("fchmodat2", syscall(call_fchmodat2, AT_FDCWD, "planted", 04755, 0));
    PLANT("fchmodat2 by descriptor", syscall(call_fchmodat2, file, "", 04755, AT_EMPTY_PATH));
    unlink("planted");
    PLANT("open", open("planted", O_WRONLY | O_CREAT, 04755));
    unlink("planted");
    PLANT("openat", openat(AT_FDCWD, "planted", O_WRONLY | O_CREAT | O_EXCL, 02755));
    unlink("planted");
    PLANT("openat2", syscall(SYS_openat2, AT_FDCWD, "planted", &how, sizeof how));
    unlink("planted");
    PLANT("creat", creat("planted", 04755));
    unlink("planted");
    PLANT("mknod", mknod("planted", S_IFREG | 04755, 0));
    unlink("planted");
    file = open(".", O_TMPFILE | O_WRONLY, 04755);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (file >= 0) PLANT("O_TMPFILE", linkat(AT_FDCWD, path, AT_FDCWD, "planted", AT_SYMLINK_FOLLOW));
    unlink("planted");
    return 0;
}

/* M19: another name for a file that is not the agent's to write, and through it the file. */
static int linked(int count, char **words) {
    for (int i = 0; i < count; i++) {
        unlink("another-name");
        if (note(link(words[i], "another-name")) < 0) continue;
        TRY(words[i], open("another-name", O_WRONLY | O_APPEND));
    }
    return 0;
}

/* M20: a file by its handle, past every path. */
static int by_handle(int count, char **words) {
    (void)count, (void)words;
    struct { struct file_handle head; unsigned char bytes[MAX_HANDLE_SZ]; } handle = {{MAX_HANDLE_SZ, 0}, {0}};
    int mount_id, mount = open(".", O_RDONLY | O_DIRECTORY);
    if (note(name_to_handle_at(AT_FDCWD, ".", &handle.head, &mount_id, 0)) >= 0)
        TRY("a handle that was asked for", open_by_handle_at(mount, &handle.head, O_RDONLY));
    /* FILEID_INO32_GEN with inode 2: the root of an ext file system. */
    handle.head.handle_bytes = 8, handle.head.handle_type = 1;
    memcpy(handle.bytes, (uint32_t[]){2, 0}, 8);
    TRY("a handle that was guessed", open_by_handle_at(mount, &handle.head, O_RDONLY));
    return 0;
}

/* M28: the kernel's switches, opened for writing; nothing is written. */
static int switches(int count, char **words) {
    (void)count, (void)words;
    const char *names[] = {"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/*", "/proc/sys/fs/*",
                           "/proc/sys/net/ipv4/ip_forward", "/proc/sysrq-trigger", "/proc/irq/*/smp_affinity", "/proc/bus/*/*/*",
                           "/proc/acpi/*", "/proc/fs/*/*", "/proc/latency_stats", "/proc/mtrr", "/proc/scsi/scsi"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (open_any(names[i], O_WRONLY, 0)) return 1;
    return 0;
}

/* M29: what the kernel tells about the machine and about others. */
static int kernel_state(int count, char **words) {
    (void)count, (void)words;
    const char *names[] = {"/proc/kcore", "/proc/kallsyms", "/proc/timer_list", "/proc/sched_debug", "/proc/interrupts",
                           "/proc/softirqs", "/proc/keys", "/proc/key-users", "/proc/slabinfo", "/proc/kmsg", "/proc/config.gz",
                           "/proc/vmallocinfo", "/proc/iomem", "/proc/ioports", "/proc/cmdline", "/proc/modules",
                           "/proc/pagetypeinfo", "/proc/kpageflags", "/sys/firmware/*/*", "/sys/kernel/debug/*",
                           "/sys/kernel/tracing/*", "/sys/devices/virtual/powercap/*/*", "/sys/kernel/notes"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (open_any(names[i], O_RDONLY, 1)) return 1;
    return 0;
}

/* M30: switches in /sys, opened for writing; nothing is written. */
static int sys_switches(int count, char **words) {
    (void)count, (void)words;
    const char *names[] = {"/sys/kernel/uevent_helper", "/sys/fs/cgroup/*/release_agent", "/sys/module/*/parameters/*",
                           "/sys/power/state", "/sys/kernel/mm/*/enabled", "/sys/block/*/uevent"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (open_any(names[i], O_WRONLY, 0)) return 1;
    return 0;
}

/* M31: WORDS of host paths in the list of mounts, and the calls that list them. */
static int mount_list(int count, char **words) {
    static char line[8192];
    FILE *list = fopen("/proc/self/mountinfo", "r");
    while (list && fgets(line, sizeof line, list)) {
        line[strcspn(line, "\n")] = 0;
        for (int i = 0; i < count; i++)
            if (strstr(line, words[i])) return reached("%s", line);
    }
    struct { uint32_t size, spare; uint64_t id, last; } request = {24, 0, UINT64_MAX, 0};
    uint64_t ids[4];
    if (count == 0) TRY("listmount", syscall(call_listmount, &request, ids, 4, 0));
    return 0;
}

/* M37: FILE changes its content by an exchange, a rename or a link over it. */
static int exchanged(int count, char **words) {
    char text[64] = "";
    if (count < 1) return 0;
    int file = open("own", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0 || write(file, "evil", 4) != 4) return 0;
    note(syscall(SYS_renameat2, AT_FDCWD, "own", AT_FDCWD, words[0], exchange));
    note(rename("own", words[0]));
    note(linkat(file, "", AT_FDCWD, words[0], AT_EMPTY_PATH));
    note(symlink("/tmp/own", words[0]));
    note(truncate(words[0], 0));
    file = open(words[0], O_RDONLY);
    if (file < 0) return reached("%s is gone", words[0]);
    if (read(file, text, sizeof text - 1) <= 0 || strncmp(text, "evil", 4) == 0) return reached("%s is changed", words[0]);
    return 0;
}

/* M09: exchanges two PATHS until standard input ends. */
static int swapping(int count, char **words) {
    struct pollfd watched = {0, POLLIN, 0};
    puts("up");
    while (count > 1 && poll(&watched, 1, 0) == 0) {
        if (syscall(SYS_renameat2, AT_FDCWD, words[0], AT_FDCWD, words[1], exchange) < 0) return perror("exchange"), 0;
        usleep(200);
    }
    return 0;
}

PROBES({"M01", read_only}, {"M02", remounted}, {"M03", read_only}, {"M04", peeled}, {"M05", own_namespace}, {"M09", swapping},
       {"M14", through_proc}, {"M16", devices}, {"M17", set_user_id}, {"M18", planted}, {"M19", linked},
       {"M20", by_handle}, {"M28", switches}, {"M29", kernel_state}, {"M30", sys_switches}, {"M31", mount_list},
       {"M37", exchanged})
