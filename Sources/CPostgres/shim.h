#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* prctl(2) takes what a variadic function does, which Swift does not call: 0, or -1 with errno. */
static inline int cpg_hide(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

/* landlock(7): a process that may read beneath some folders, some files, and change nothing. Without glibc's or a newer kernel's
   header: numbers are those of linux/landlock.h. */

/* O_PATH (open(2)), which <fcntl.h> has for _GNU_SOURCE alone. */
#define CPG_O_PATH 010000000

/* Begins a ruleset: its descriptor; -1 with errno, ENOSYS or EOPNOTSUPP where the kernel has none. */
static inline int cpg_landlock_begin(void) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
    if (abi < 1) return -1;
    struct {
        uint64_t fs, net, scoped;
    } rules = {0, 0, 0};
    rules.fs = (1ULL << 13) - 1;                        /* ABI 1: execute … make_sym */
    if (abi >= 2) rules.fs |= 1ULL << 13;               /* refer */
    if (abi >= 3) rules.fs |= 1ULL << 14;               /* truncate */
    if (abi >= 6) rules.scoped = 3;                     /* no abstract socket and no signal to others */
    return (int)syscall(SYS_landlock_create_ruleset, &rules, abi >= 6 ? 24 : 8, 0);
}

/* Lets a file be read, or a folder and what is below it, and run; a path that is not there is passed over. 0, or -1 with errno. */
static inline int cpg_landlock_read(int ruleset, const char *path) {
    struct __attribute__((packed)) {
        uint64_t access;
        int32_t parent;
    } rule = {1ULL << 2 /* read_file */, open(path, CPG_O_PATH | O_CLOEXEC)};
    struct stat status;
    if (rule.parent < 0) return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -1;
    int result = fstat(rule.parent, &status);
    if (result == 0 && S_ISDIR(status.st_mode)) rule.access |= 1ULL << 0 | 1ULL << 3; /* execute, read_dir */
    if (result == 0) result = (int)syscall(SYS_landlock_add_rule, ruleset, 1 /* PATH_BENEATH */, &rule, 0);
    int number = errno;
    close(rule.parent);
    errno = number;
    return result;
}

/* From now on for this thread and those that it makes: 0, or -1 with errno. */
static inline int cpg_landlock_enter(int ruleset) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    return (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}
