/* The spawner: one small single-threaded process, forked before the supervisor has threads or secrets. It serves
   launch requests, each in a child of its own:

       spawner ── worker ── (nested: joins the parent's namespaces, forks once more) ── agent

   A launch that no agent asked for comes in two parts. The first is the same for all and can be made ahead: its agent
   is parked, isolated and without a program, and its worker stays as its companion until the order comes, does for it
   what needs the supervisor's rights, and hands the rest of the plan in.

   The agent is cloned with CLONE_PARENT, so it is the spawner's child; the spawner ignores SIGCHLD, so nothing waits
   for anything to be reaped. When the supervisor dies the spawner's socket ends and it exits, with PR_SET_PDEATHSIG
   as a second cord; its agents have the same cord to it, and their init watches the channel besides. */
#define _GNU_SOURCE
#include "csb_channel.h"
#include "csb_socket.h"
#include "launch.h"
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <grp.h>

enum { AGENT_NAMESPACES = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
                          | CLONE_NEWCGROUP };

static void report(struct csb_context *context, int kind, int op, int error, const int *descriptors, int count) {
    static struct csb_report message;
    message = (struct csb_report){.kind = kind, .op = op, .error = error};
    if (kind == CSB_READY) {
        strcpy(message.program, context->program);
        for (int i = 0; i < CSB_EXPORTS; i++)
            if (context->exports[i] >= 0) message.present |= 1u << i;
    }
    csb_send(context->descriptors[CSB_REPORT], &message, sizeof message, descriptors, count, MSG_NOSIGNAL);
}

_Noreturn void csb_fail(struct csb_context *context, int op, int error) {
    report(context, CSB_FAILED, op, error < 0 ? -error : error, 0, 0);
    _exit(125);
}

static int is_host_op(const struct csb_op *op) { return op->kind == CSB_HOST_TREE || op->kind == CSB_LAYER; }

static int perform(struct csb_context *context, const struct csb_op *op) {
    switch (op->kind) {
    case CSB_HOST_TREE: return csb_host_tree(context, op);
    case CSB_LAYER: return csb_layer(context, op);
    case CSB_PRIVATE: case CSB_TREE: case CSB_ROOT: case CSB_DIRECTORY: case CSB_FILE: case CSB_SYMLINK:
    case CSB_MOUNT: case CSB_OVERLAY: case CSB_TMPFS: case CSB_TMPFS_SIZE: case CSB_PROC: case CSB_DEVPTS: case CSB_BIND: case CSB_SEAL: case CSB_PIVOT:
        return csb_mount_op(context, op);
    case CSB_CONTROL: case CSB_LOOPBACK: case CSB_ROUTES: case CSB_CAPTURE: case CSB_LISTEN: case CSB_RESOLVER:
    case CSB_WITNESS: case CSB_REFUSALS:
        return csb_network_op(context, op);
    case CSB_NAMESPACES: case CSB_HOSTNAME: case CSB_LIMIT: case CSB_TERMINAL: case CSB_STREAMS: case CSB_CHDIR:
    case CSB_PROGRAM: case CSB_KEYRING:
        return csb_process_op(context, op);
    case CSB_LANDLOCK: case CSB_CAPABILITIES: case CSB_SECCOMP:
        return csb_lock_op(context, op);
    default: return -ENOSYS;
    }
}

/* Carries out the operations before clone, or those after. */
void csb_perform_all(struct csb_context *context, int host) {
    const struct csb_op *ops = (const void *)(context->plan + context->head->ops);
    for (uint32_t i = 0; i < context->head->op_count; i++) {
        if (is_host_op(&ops[i]) != host) continue;
        if (ops[i].slot >= CSB_SLOTS) csb_fail(context, (int)(context->head->first_op + i), EINVAL);
        int status = perform(context, &ops[i]);
        if (status == -ENOENT && ops[i].flags & CSB_OPTIONAL) continue;
        if (status < 0) csb_fail(context, (int)(context->head->first_op + i), status);
    }
}

static int write_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return -errno;
    size_t size = strlen(text);
    int status = write(file, text, size) == (ssize_t)size ? 0 : -errno;
    close(file);
    return status;
}

/* Maps one user and one group; what a privileged writer may map, an unprivileged one may map to itself. */
static int map_ids(const char *process, const struct csb_plan *head, int nested) {
    char path[64], line[64];
    snprintf(path, sizeof path, "/proc/%s/setgroups", process);
    int status = write_file(path, "deny");
    for (int i = 0; i < 2 && status == 0; i++) {
        uint32_t in = i ? head->inside_gid : head->inside_uid, out = i ? head->outside_gid : head->outside_uid;
        snprintf(path, sizeof path, "/proc/%s/%s", process, i ? "gid_map" : "uid_map");
        snprintf(line, sizeof line, "%u %u 1", in, nested ? in : out);
        status = write_file(path, line);
    }
    return status;
}

/* A changed user id makes a process undumpable, and its own files in /proc unwritable to it, until execve(2). */
static int become(uint32_t uid, uint32_t gid) {
    if (syscall(SYS_setresgid, gid, gid, gid) < 0) return -errno;
    if (syscall(SYS_setresuid, uid, uid, uid) < 0) return -errno;
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* Root's supplementary groups are no agent's, however deep. A user namespace that one user made forbids it to drop
   groups, as an ordinary user may not either: then the agent's own id outside is root's there. */
static int drop_groups(const struct csb_plan *head) {
    if (geteuid() != 0 || setgroups(0, 0) == 0) return 0;
    return errno == EPERM && head->outside_uid == 0 ? 0 : -errno;
}

/* What the caller ignores is not ignored inside; init sees to what is blocked. */
static int reset_signals(void) {
    struct sigaction standard = {.sa_handler = SIG_DFL};
    /* Those that nobody may set are as they should be (EINVAL). */
    for (int number = 1; number < 65; number++)
        if (sigaction(number, &standard, 0) < 0 && errno != EINVAL) return -errno;
    return 0;
}

/* The kernel ends the agent with the spawner: 0 or -errno. A change of user clears it (prctl(2)). */
static int die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ? -errno : 0; }

/* Leaves 0, 1, 2 and the channel to init. */
static int leave_descriptors(struct csb_context *context) {
    int channel = context->descriptors[CSB_CHANNEL];
    /* No number above: the agent's own limit on open files holds already. */
    int kept = channel == CSB_CHANNEL_NUMBER ? fcntl(channel, F_SETFD, 0) : dup2(channel, CSB_CHANNEL_NUMBER);
    if (kept < 0) return -errno;
    return (int)CSB(SYS_close_range, CSB_CHANNEL_NUMBER + 1, ~0u, 0);
}

/* Says why init will not be there, where the supervisor waits for its words. */
static _Noreturn void no_init(int channel, int error) {
    struct csb_word word = {.kind = CSB_NO_INIT, .a = error};
    (void)!send(channel, &word, sizeof word, MSG_NOSIGNAL);
    _exit(125);
}

/* Argument and environment vectors of init: its own name, the program's path, then the command's. */
static _Noreturn void run_init(struct csb_context *context) {
    const struct csb_plan *head = context->head;
    size_t count = (size_t)head->argument_count + head->environment_count + 4;
    /* Shared: the limit on memory is in force by now, and RLIMIT_DATA counts private memory, the supervisor's copied here
     * included. */
    char **arguments = mmap(0, count * sizeof *arguments, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (arguments == MAP_FAILED) no_init(CSB_CHANNEL_NUMBER, errno);
    char **environment = arguments + head->argument_count + 3;
    const uint32_t *list = (const void *)(context->plan + head->arguments);
    arguments[0] = "bailey-init";
    arguments[1] = context->program;
    for (uint32_t i = 0; i < head->argument_count; i++) arguments[i + 2] = (char *)context->plan + list[i];
    list = (const void *)(context->plan + head->environment);
    for (uint32_t i = 0; i < head->environment_count; i++) environment[i] = (char *)context->plan + list[i];
    execve(context->plan + head->init, arguments, environment);
    no_init(CSB_CHANNEL_NUMBER, errno);
}

static _Noreturn void agent(struct csb_context *context, int mapped, int nested) {
    int status = die_with_parent();
    if (status < 0) csb_fail(context, CSB_STAGE_IDENTITY, status);
    char byte;
    if (mapped >= 0 && read(mapped, &byte, 1) != 1) _exit(125);
    status = nested ? map_ids("self", context->head, 1) : 0;
    if (status < 0) csb_fail(context, CSB_STAGE_MAP, status);
    status = become(context->head->inside_uid, context->head->inside_gid);
    if (status == 0) status = die_with_parent();
    if (status == 0) status = reset_signals();
    if (status < 0) csb_fail(context, CSB_STAGE_IDENTITY, status);
    umask(0);
    csb_perform_all(context, 0);
    if (context->head->continues) {
        csb_await_order(context);
        csb_perform_all(context, 0);
    }
    umask((mode_t)(context->head->umask & 0777));
    int exports[CSB_EXPORTS], count = 0;
    for (int i = 0; i < CSB_EXPORTS; i++)
        if (context->exports[i] >= 0) exports[count++] = context->exports[i];
    report(context, CSB_READY, 0, 0, exports, count);
    status = leave_descriptors(context);
    if (status < 0) no_init(context->descriptors[CSB_CHANNEL], -status);
    run_init(context);
}

/* Clones the agent as a child of the spawner and maps it. */
static _Noreturn void launch(struct csb_context *context, int nested) {
    int gate[2], ends[2] = {-1, -1}, pidfd = -1;
    if (pipe2(gate, O_CLOEXEC) < 0) csb_fail(context, CSB_STAGE_CLONE, errno);
    if (context->head->continues && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        csb_fail(context, CSB_STAGE_CLONE, errno);
    struct clone_args arguments = {
        .flags = AGENT_NAMESPACES | CLONE_PARENT | CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd};
    long child = CSB(SYS_clone3, &arguments, sizeof arguments);
    context->inner = ends[child == 0];
    close(ends[child != 0]);
    if (child == 0) {
        close(gate[1]);
        close(context->order);
        agent(context, nested ? -1 : gate[0], nested);
    }
    if (child < 0) csb_fail(context, CSB_STAGE_CLONE, (int)child);
    report(context, CSB_CLONED, 0, 0, &pidfd, 1);
    if (nested) _exit(0);
    char process[24];
    snprintf(process, sizeof process, "%ld", child);
    int status = map_ids(process, context->head, 0);
    if (status < 0) {
        syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, 0, 0);
        csb_fail(context, CSB_STAGE_MAP, status);
    }
    (void)!write(gate[1], "", 1);
    if (!context->head->continues) _exit(0);
    close(pidfd);
    csb_accompany(context);
}

static void join_namespace(struct csb_context *context, int which, int kind, int stage) {
    if (setns(context->descriptors[which], kind) < 0) csb_fail(context, stage, errno);
}

/* The network namespace that a socket of the parent's is in: the user namespace that owns it is joined by now. */
static void join_network(struct csb_context *context) {
    long network = CSB(SYS_ioctl, context->descriptors[CSB_PARENT_SOCKET], SIOCGSKNS);
    if (network < 0) csb_fail(context, CSB_STAGE_JOIN_NETWORK, (int)network);
    if (setns((int)network, CLONE_NEWNET) < 0) csb_fail(context, CSB_STAGE_JOIN_NETWORK, errno);
    close((int)network);
}

/* Enters the parent agent's view; only a child is in its pid namespace. There the parent sees it before it has
   namespaces of its own, and /proc/PID/net shows whoever looks the network namespace of what he looks at. Of ipc, uts
   and cgroup namespaces procfs shows a reader none but his own. */
static _Noreturn void launch_nested(struct csb_context *context) {
    join_namespace(context, CSB_USER, CLONE_NEWUSER, CSB_STAGE_JOIN_USER);
    int status = become(context->head->inside_uid, context->head->inside_gid);
    if (status < 0) csb_fail(context, CSB_STAGE_IDENTITY, status);
    join_namespace(context, CSB_MOUNT_NS, CLONE_NEWNS, CSB_STAGE_JOIN_MOUNT);
    join_network(context);
    join_namespace(context, CSB_PID, CLONE_NEWPID, CSB_STAGE_JOIN_PID);
    struct clone_args arguments = {.flags = CLONE_PARENT};
    long child = CSB(SYS_clone3, &arguments, sizeof arguments);
    if (child < 0) csb_fail(context, CSB_STAGE_FORK, (int)child);
    if (child > 0) _exit(0);
    /* What a user namespace's maker may have is what all processes in it may have in its parent's account, whatever
       they set themselves (user_namespaces(7), since Linux 5.14): children do not multiply what the parent was given. */
    struct rlimit all = {context->head->parent_processes, context->head->parent_processes};
    if (all.rlim_max > 0 && setrlimit(RLIMIT_NPROC, &all) < 0) csb_fail(context, CSB_STAGE_FORK, errno);
    launch(context, 1);
}

static _Noreturn void work(struct csb_context *context, char request) {
    csb_read_plan(context);
    int dropped = drop_groups(context->head);
    if (dropped < 0) csb_fail(context, CSB_STAGE_GROUPS, dropped);
    csb_perform_all(context, 1);
    if (request == CSB_NEST) launch_nested(context);
    launch(context, 0);
}

/* A request's descriptors, each in its place: 0, or -EINVAL. */
static int sort_out(struct csb_context *context, char request, int count) {
    context->order = -1;
    if (request == CSB_NEST) return count == CSB_DESCRIPTORS ? 0 : -EINVAL;
    if (request != CSB_PARK || count != CSB_PARKED) return -EINVAL;
    context->order = context->descriptors[CSB_PARKED - 1];
    context->descriptors[CSB_PARKED - 1] = -1;
    return 0;
}

static void serve(int socket) {
    for (;;) {
        static struct csb_context context;
        char request = 0;
        int received[CSB_DESCRIPTORS], count = CSB_DESCRIPTORS;
        ssize_t size = csb_receive(socket, &request, 1, received, &count, MSG_CMSG_CLOEXEC);
        if (size <= 0) return;
        for (int i = 0; i < CSB_DESCRIPTORS; i++) context.descriptors[i] = i < count ? received[i] : -1;
        long worker = sort_out(&context, request, count);
        if (worker == 0) worker = CSB(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (worker == 0) {
            close(socket);
            for (int i = 0; i < CSB_SLOTS; i++) context.slots[i] = -1;
            for (int i = 0; i < CSB_EXPORTS; i++) context.exports[i] = -1;
            context.root = context.folder = -1;
            work(&context, request);
        }
        if (worker < 0 && count > CSB_REPORT) report(&context, CSB_FAILED, CSB_STAGE_FORK, (int)-worker, 0, 0);
        for (int i = 0; i < count; i++) close(received[i]);
    }
}

/* Where /proc/PID/cmdline is read from, in whatever was forked from this process: execve(2) lays all arguments in one
   piece. glibc hands a constructor what it hands to main. */
static char *command_line;
static size_t command_line_size;

__attribute__((constructor)) static void find_command_line(int count, char **arguments) {
    if (count < 1) return;
    const char *last = arguments[count - 1];
    command_line = arguments[0];
    command_line_size = (size_t)(last + strlen(last) + 1 - command_line);
}

/* The caller's environment holds its secrets, and its arguments are for nobody inside, where all may read those of a
   process in sight: nothing of both stays in the spawner's copy of the memory. */
static void forget_origin(void) {
    for (char **entry = environ; entry && *entry; entry++) explicit_bzero(*entry, strlen(*entry));
    if (command_line) explicit_bzero(command_line, command_line_size);
}

static _Noreturn void spawner(int socket, pid_t supervisor) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != supervisor) _exit(0);
    prctl(PR_SET_NAME, "bailey-spawner", 0, 0, 0);
    forget_origin();
    /* Nothing of the caller's may be held open by what outlives it, nor be there to leak. */
    int low = dup2(socket, 3);
    if (low < 0 || fcntl(low, F_SETFD, FD_CLOEXEC) < 0) _exit(125);
    CSB(SYS_close_range, 4, ~0u, 0);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3 && nothing >= 0; i++) dup2(nothing, i);
    if (nothing > 3) close(nothing);
    signal(SIGCHLD, SIG_IGN);
    serve(low);
    _exit(0);
}

int csb_spawner_start(void) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
    pid_t supervisor = getpid();
    long child = CSB(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        /* Descriptor 3 may be the one that is served: keep it clear of what dup2 replaces. */
        int safe = fcntl(ends[1], F_DUPFD_CLOEXEC, 64);
        spawner(safe < 0 ? ends[1] : safe, supervisor);
    }
    close(ends[1]);
    if (child >= 0) return ends[0];
    close(ends[0]);
    return (int)child;
}
