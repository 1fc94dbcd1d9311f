/* What belongs to the process itself: its streams, terminal, limits, directory, keyring and program. */
#define _GNU_SOURCE
#include "csb_channel.h"
#include "launch.h"
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEYCTL_JOIN_SESSION_KEYRING = 1 };

static int keep(struct csb_context *context, int which, long descriptor) {
    if (descriptor < 0) return (int)descriptor;
    context->exports[which] = (int)descriptor;
    return 0;
}

static int namespaces(struct csb_context *context) {
    static const char *const paths[] = {"/proc/self/ns/user", "/proc/self/ns/mnt", "/proc/self/ns/pid"};
    int status = 0;
    for (int i = 0; i < 3 && status == 0; i++)
        status = keep(context, CSB_EXPORT_USER + i, CSB(SYS_openat, AT_FDCWD, paths[i], O_RDONLY | O_CLOEXEC));
    return status;
}

/* Puts three descriptors at 0, 1 and 2, by way of numbers that are not in use. */
static int become_streams(const int from[3]) {
    int spare[3];
    for (int i = 0; i < 3; i++) {
        spare[i] = fcntl(from[i], F_DUPFD_CLOEXEC, CSB_CHANNEL_NUMBER + 1);
        if (spare[i] < 0) return -errno;
    }
    for (int i = 0; i < 3; i++)
        if (dup2(spare[i], i) < 0) return -errno;
    return 0;
}

/* A pty of the agent's own devpts; init makes it the controlling terminal of the command's session. */
static int terminal(struct csb_context *context) {
    int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (master < 0) return -errno;
    int off = 0;
    if (ioctl(master, TIOCSPTLCK, &off) < 0) return -errno;
    int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) return -errno;
    int streams[3] = {slave, slave, slave};
    int status = become_streams(streams);
    return status ? status : keep(context, CSB_EXPORT_TERMINAL, master);
}

/* Whether path is a program; -ENOENT, -EACCES as execve(2) would have it. */
static int executable(const char *path) {
    struct stat status;
    if (stat(path, &status) < 0) return -errno;
    if (!S_ISREG(status.st_mode)) return -EACCES;
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

static int join(char *path, size_t size, const char *folder, const char *name) {
    size_t front = strlen(folder), back = strlen(name);
    if (front + back + 2 > size) return -ENAMETOOLONG;
    memcpy(path, folder, front);
    path[front] = '/';
    memcpy(path + front + 1, name, back + 1);
    return 0;
}

/* Finds the program as a shell does: by its path, or along the search path, where a file that may not be executed
   is remembered but passed over. */
static int find(struct csb_context *context, const char *name) {
    const uint32_t *search = (const void *)(context->plan + context->head->search);
    if (strchr(name, '/') || context->head->search_count == 0) {
        if (strlen(name) >= sizeof context->program) return -ENAMETOOLONG;
        strcpy(context->program, name);
        return executable(context->program);
    }
    int verdict = -ENOENT;
    for (uint32_t i = 0; i < context->head->search_count; i++) {
        if (join(context->program, sizeof context->program, context->plan + search[i], name) < 0) continue;
        int status = executable(context->program);
        if (status == 0) return 0;
        if (status == -EACCES) verdict = status;
    }
    return verdict;
}

static int program(struct csb_context *context) {
    const uint32_t *arguments = (const void *)(context->plan + context->head->arguments);
    int status = find(context, context->plan + arguments[0]);
    if (status < 0) return status;
    /* For the record's digest; a program that may be run but not read has none. */
    int file = open(context->program, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file >= 0) context->exports[CSB_EXPORT_PROGRAM] = file;
    return file < 0 && errno != EACCES ? -errno : 0;
}

int csb_process_op(struct csb_context *context, const struct csb_op *op) {
    switch (op->kind) {
    case CSB_NAMESPACES: return namespaces(context);
    case CSB_HOSTNAME: {
        const char *name = csb_text(context, op->text);
        return sethostname(name, strlen(name)) < 0 ? -errno : 0;
    }
    case CSB_LIMIT: {
        struct rlimit limit = {op->a, op->b};
        return setrlimit((int)op->mode, &limit) < 0 ? -errno : 0;
    }
    case CSB_TERMINAL: return terminal(context);
    case CSB_STREAMS: return become_streams(context->descriptors + CSB_STDIN);
    case CSB_CHDIR: return chdir(csb_text(context, op->path)) < 0 ? -errno : 0;
    case CSB_PROGRAM: return program(context);
    case CSB_KEYRING: return (int)CSB(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) < 0 ? -errno : 0;
    default: return -ENOSYS;
    }
}
