#define _GNU_SOURCE
#include "csb_probe.h"
#include "launch.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { CHILD_SECONDS = 5, CAPTURE_PORT = 3128, CSB_PROBE_IPV6_TRANSPARENT = 75, CSB_PROBE_NETNS_COOKIE_OPTION = 71 };

static const int agent_namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC
    | CLONE_NEWUTS | CLONE_NEWCGROUP;

/* A descriptor that is only asked for: 0, or -errno. */
static int opened(long descriptor) {
    if (descriptor < 0) return (int)descriptor;
    close((int)descriptor);
    return 0;
}

static int put_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return -errno;
    ssize_t size = write(file, text, strlen(text));
    int status = size < 0 ? -errno : 0;
    close(file);
    return status;
}

/* Namespaces with one id, this process's own, mapped. */
static int enter(int flags) {
    char map[64];
    uid_t user = geteuid();
    gid_t group = getegid();
    if (unshare(flags | CLONE_NEWUSER) < 0) return -errno;
    int status = put_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "%u %u 1", user, user);
    if (status == 0) status = put_file("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "%u %u 1", group, group);
    if (status == 0) status = put_file("/proc/self/gid_map", map);
    if (status == 0 && flags & CLONE_NEWNS && mount("none", "/", 0, MS_REC | MS_PRIVATE, 0) < 0) status = -errno;
    return status;
}

/* A detached mount of a fresh file system: its descriptor, or -errno. */
static long fresh(const char *type, const char *key, const char *value) {
    long context = CSB(SYS_fsopen, type, 1);
    if (context < 0) return context;
    long status = 0;
    if (key && value) status = CSB(SYS_fsconfig, context, CSB_FSCONFIG_SET_STRING, key, value, 0);
    if (key && !value) status = CSB(SYS_fsconfig, context, CSB_FSCONFIG_SET_FLAG, key, 0, 0);
    if (status == 0) status = CSB(SYS_fsconfig, context, CSB_FSCONFIG_CMD_CREATE, 0, 0, 0);
    if (status == 0) status = CSB(SYS_fsmount, context, 1, CSB_ATTR_NOSUID);
    close((int)context);
    return status;
}

static int attach(long tree, const char *path) {
    long status = CSB(SYS_move_mount, tree, "", AT_FDCWD, path, CSB_MOVE_MOUNT_F_EMPTY_PATH);
    close((int)tree);
    return (int)status;
}

static int mounts(void) {
    int status = enter(CLONE_NEWNS);
    if (status < 0) return status;
    long tree = CSB(SYS_open_tree, AT_FDCWD, "/usr", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree < 0) return (int)tree;
    struct csb_mount_attr read_only = {.attr_set = CSB_ATTR_RDONLY | CSB_ATTR_NOSUID};
    long set = CSB(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &read_only, sizeof read_only);
    return set < 0 ? (int)set : attach(tree, "/usr");
}

static int fresh_in_namespaces(int flags, const char *type, const char *key, const char *value) {
    int status = enter(flags);
    return status < 0 ? status : opened(fresh(type, key, value));
}

/* A child of the caller's that runs `work`; its answer. It ends without a signal, so that it can be awaited where the
   caller's parent left SIGCHLD ignored. */
static int in_child(int (*work)(void *), void *argument) {
    long child = CSB(SYS_clone, 0, 0, 0, 0, 0);
    if (child < 0) return (int)child;
    if (child == 0) {
        struct sigaction normal = {.sa_handler = SIG_DFL};
        sigset_t none;
        sigaction(SIGALRM, &normal, 0);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, 0);
        alarm(CHILD_SECONDS);
        _exit(-work(argument) & 0xff);
    }
    int status;
    while (waitpid((pid_t)child, &status, __WALL) < 0) {
        if (errno != EINTR) return -errno;
    }
    if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGALRM ? -ETIMEDOUT : -ECANCELED;
    return -WEXITSTATUS(status);
}

static int mount_proc(void *levels) {
    int status = attach(fresh("proc", 0, 0), "/proc");
    if (status < 0 || levels == 0) return status;
    status = enter(CLONE_NEWNS | CLONE_NEWPID);
    return status < 0 ? status : in_child(mount_proc, 0);
}

static int proc(void *levels) {
    int status = enter(CLONE_NEWNS | CLONE_NEWPID);
    return status < 0 ? status : in_child(mount_proc, levels);
}

static int transparent(void) {
    int status = enter(CLONE_NEWNET), on = 1;
    if (status < 0) return status;
    int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0) return -errno;
    if (setsockopt(listener, IPPROTO_IPV6, CSB_PROBE_IPV6_TRANSPARENT, &on, sizeof on) < 0) return -errno;
    return 0;
}

static int capture(void) {
    int status = enter(CLONE_NEWNET);
    return status < 0 ? status : csb_nft_capture(CAPTURE_PORT);
}

static int refusals(void) {
    int status = enter(CLONE_NEWNET);
    if (status == 0) status = opened(csb_refusals(AF_INET));
    return status < 0 ? status : opened(csb_refusals(AF_INET6));
}

static int wait_to_die(void *ready) {
    int *ends = ready;
    int status = enter(0);
    if (write(ends[1], &status, sizeof status) != sizeof status) return -EIO;
    pause();
    return 0;
}

/* The user namespace of a child that waits: its descriptor, or -errno. */
static long other_user_namespace(pid_t *child) {
    int ends[2], status = -EIO;
    char path[64];
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    *child = (pid_t)CSB(SYS_clone, 0, 0, 0, 0, 0);
    if (*child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(-wait_to_die(ends) & 0xff);
    }
    close(ends[1]);
    if (*child < 0) return *child;
    if (read(ends[0], &status, sizeof status) != sizeof status) status = -EIO;
    close(ends[0]);
    snprintf(path, sizeof path, "/proc/%d/ns/user", *child);
    if (status < 0) return status;
    int space = open(path, O_RDONLY | O_CLOEXEC);
    return space < 0 ? -errno : space;
}

static int id_mapped(void) {
    pid_t child = -1;
    if (unshare(CLONE_NEWNS) < 0) return -errno;
    long space = other_user_namespace(&child);
    long tree = CSB(SYS_open_tree, AT_FDCWD, ".", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    struct csb_mount_attr map = {.attr_set = CSB_ATTR_IDMAP, .userns_fd = (uint64_t)space};
    long status = space < 0 ? space : tree;
    if (status >= 0) status = CSB(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &map, sizeof map);
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, 0, __WALL);
    }
    return (int)status;
}

static int isolated(void *what) {
    switch (*(enum csb_probe *)what) {
    case CSB_PROBE_KEYRING: return CSB(SYS_keyctl, 1, 0) < 0 ? -errno : 0;
    case CSB_PROBE_NO_NEW_PRIVS: return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
    case CSB_PROBE_USER: return enter(0);
    case CSB_PROBE_NAMESPACES: return enter(agent_namespaces);
    case CSB_PROBE_MOUNTS: return mounts();
    case CSB_PROBE_TMPFS: return fresh_in_namespaces(CLONE_NEWNS, "tmpfs", "size", "4096");
    case CSB_PROBE_DEVPTS: return fresh_in_namespaces(CLONE_NEWNS, "devpts", "newinstance", 0);
    case CSB_PROBE_PROC: return proc(0);
    case CSB_PROBE_NESTED_PROC: return proc(what);
    case CSB_PROBE_TRANSPARENT: return transparent();
    case CSB_PROBE_CAPTURE: return capture();
    case CSB_PROBE_REFUSALS: return refusals();
    case CSB_PROBE_ID_MAPPED: return id_mapped();
    default: return -EINVAL;
    }
}

static int netns_cookie(void) {
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    int any = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (any < 0) return -errno;
    int status = getsockopt(any, SOL_SOCKET, CSB_PROBE_NETNS_COOKIE_OPTION, &cookie, &size) < 0 ? -errno : 0;
    close(any);
    return status;
}

static int sealed(void) {
    int file = memfd_create("bailey-probe", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0) return -errno;
    int status = fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0 ? -errno : 0;
    close(file);
    return status;
}

int csb_probe(enum csb_probe what) {
    struct csb_open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = CSB_RESOLVE_IN_ROOT};
    switch (what) {
    case CSB_PROBE_PIDFD: return opened(CSB(SYS_pidfd_open, getpid(), 0));
    case CSB_PROBE_CLOSE_RANGE: return (int)CSB(SYS_close_range, ~0U, ~0U, 0);
    case CSB_PROBE_OPENAT2: return opened(CSB(SYS_openat2, AT_FDCWD, "/", &how, sizeof how));
    case CSB_PROBE_MEMFD: return sealed();
    case CSB_PROBE_NETNS_COOKIE: return netns_cookie();
    case CSB_PROBE_DEV_NULL: return opened(CSB(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC));
    default: return in_child(isolated, &what);
    }
}

static int overlay(void *folder) {
    /* The working directory moves into the new namespace's mounts; a descriptor does not. */
    int status = fchdir(*(int *)folder) < 0 ? -errno : enter(CLONE_NEWNS);
    int here = status < 0 ? status : (int)CSB(SYS_openat, AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int view = here < 0 ? here : csb_overlay(here);
    return view < 0 ? view : (int)CSB(SYS_unlinkat, view, "inner", AT_REMOVEDIR);
}

int csb_probe_overlay(int folder) { return in_child(overlay, &folder); }

static int load_filter(void *program) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
    return (int)CSB(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program);
}

int csb_probe_filter(const void *program, size_t bytes) {
    if (bytes % sizeof(struct sock_filter) || bytes / sizeof(struct sock_filter) > BPF_MAXINSNS) return -EINVAL;
    struct sock_fprog filter = {
        .len = (unsigned short)(bytes / sizeof(struct sock_filter)), .filter = (struct sock_filter *)(uintptr_t)program};
    return in_child(load_filter, &filter);
}

int csb_probe_memfd(const char *name) {
    int fd = memfd_create(name, MFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}
