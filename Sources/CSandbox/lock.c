/* The locks, put on last: no privilege, no way to gain any, a filter on system calls, a second wall around files. */
#define _GNU_SOURCE
#include "launch.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum { LANDLOCK_RULE_PATH = 1 };

/* What Landlock knows of a file; a rule for one that says more is refused (landlock_add_rule(2)): execute, write, read,
   truncate, and ioctl on devices. */
static const uint64_t of_files = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15;

static int add_rule(int ruleset, const char *path, uint64_t access) {
    struct stat status;
    struct csb_landlock_path rule = {
        .allowed_access = access, .parent_fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW)};
    if (rule.parent_fd < 0) return errno == ENOENT ? 0 : -errno;
    int result = fstat(rule.parent_fd, &status) < 0 ? -errno : 0;
    if (result == 0 && !S_ISDIR(status.st_mode)) rule.allowed_access &= of_files;
    if (result == 0) result = (int)CSB(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH, &rule, 0);
    close(rule.parent_fd);
    return result;
}

static int no_new_privileges(void) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* Allows what the rules say beneath their paths and nothing else of what the plan handles (Landlock, landlock(7)). */
static int landlock(const struct csb_context *context, const struct csb_op *op) {
    struct csb_landlock_ruleset attributes = {
        .handled_access_fs = context->head->landlock_handled, .scoped = context->head->landlock_scopes};
    size_t size = attributes.scoped ? sizeof attributes : sizeof attributes.handled_access_fs;
    int ruleset = (int)CSB(SYS_landlock_create_ruleset, &attributes, size, 0);
    if (ruleset < 0) return ruleset;
    const struct csb_rule *rules = (const void *)(context->plan + op->a);
    int status = 0;
    for (uint64_t i = 0; i < op->b && status == 0; i++)
        status = add_rule(ruleset, context->plan + rules[i].path, rules[i].access);
    if (status == 0) status = no_new_privileges();
    if (status == 0) status = (int)CSB(SYS_landlock_restrict_self, ruleset, 0);
    close(ruleset);
    return status;
}

/* Empties every set and locks the bits that could fill them again (capabilities(7)). */
static int no_capabilities(void) {
    for (int number = 0; number < 64; number++) {
        if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0) continue;
        if (errno == EINVAL && number > CAP_LAST_CAP) break; /* The kernel has no more. */
        return -errno;
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -errno;
    unsigned long bits = SECURE_ALL_BITS | SECURE_ALL_LOCKS;
    if (prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0) return -errno;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};
    int status = (int)CSB(SYS_capset, &header, none);
    return status ? status : no_new_privileges();
}

/* Needs no_new_privileges(), which no_capabilities() has seen to, and no call but seccomp(2): a filter that is loaded
   already answers for every other. */
static int filter(const struct csb_context *context, const struct csb_op *op) {
    struct sock_fprog program = {
        .len = (unsigned short)(op->b / sizeof(struct sock_filter)), .filter = (void *)(context->plan + op->a)};
    return (int)CSB(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

int csb_lock_op(struct csb_context *context, const struct csb_op *op) {
    switch (op->kind) {
    case CSB_LANDLOCK: return landlock(context, op);
    case CSB_CAPABILITIES: return no_capabilities();
    case CSB_SECCOMP: return filter(context, op);
    default: return -ENOSYS;
    }
}
