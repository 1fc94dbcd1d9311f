#include "saml.h"

#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Octets of address space: the libraries, and a hundred times the longest document. */
#define MEMORY ((rlim_t)256 << 20)
/* Seconds of processor time: a document takes milliseconds. */
#define PROCESSOR 5

/* What memory and the output need; nothing opens, connects or starts anything. */
static const int calls[] = {
    SCMP_SYS(write),         SCMP_SYS(exit),         SCMP_SYS(exit_group),   SCMP_SYS(brk),
    SCMP_SYS(mmap),          SCMP_SYS(munmap),       SCMP_SYS(mremap),       SCMP_SYS(madvise),
    SCMP_SYS(futex),         SCMP_SYS(getrandom),    SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time),         SCMP_SYS(getpid),
    SCMP_SYS(gettid),        SCMP_SYS(tgkill),       SCMP_SYS(newfstatat),   SCMP_SYS(fstat),
};

static bool limit(int what, rlim_t value) {
    struct rlimit limit = {value, value};
    return setrlimit(what, &limit) == 0;
}

void confine(void) {
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || !limit(RLIMIT_AS, MEMORY) || !limit(RLIMIT_CPU, PROCESSOR) ||
        !limit(RLIMIT_CORE, 0))
        _exit(4);
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL) _exit(4);
    for (size_t n = 0; n < sizeof calls / sizeof *calls; n++)
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[n], 0) != 0) _exit(4);
    if (seccomp_load(filter) != 0) _exit(4);
    seccomp_release(filter);
}
