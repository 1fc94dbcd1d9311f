/* Section P: processes, identity, privilege. */
#include "probe.h"
#include <linux/ioprio.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <grp.h>

/* The text behind NAME and a colon in a status file. */
static int status_line(const char *path, const char *name, char *value, size_t size) {
    char line[256];
    FILE *file = fopen(path, "r");
    size_t length = strlen(name);
    int found = 0;
    while (file && !found && fgets(line, sizeof line, file)) {
        if (strncmp(line, name, length) != 0 || line[length] != ':') continue;
        snprintf(value, size, "%s", line + length + 1 + strspn(line + length + 1, " \t"));
        value[strcspn(value, "\n")] = 0;
        found = 1;
    }
    if (file) fclose(file);
    return found;
}

/* P01: a capability in any set. */
static int capabilities(int count, char **words) {
    (void)count, (void)words;
    const char *sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
    char value[64];
    for (int i = 0; i < 5; i++)
        if (!status_line("/proc/self/status", sets[i], value, sizeof value) || strtoull(value, NULL, 16) != 0)
            return reached("%s %s", sets[i], value);
    return 0;
}

/* P02: a program may still gain privileges. */
static int new_privileges(int count, char **words) {
    (void)count, (void)words;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 ? reached("no_new_privs is off") : 0;
}

/* What a successful clone gives is a child that ends at once. */
static long cloned(unsigned long flags) {
    long child = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) _exit(0);
    if (child > 0) waitpid((pid_t)child, NULL, 0);
    return child;
}

static long cloned3(uint64_t flags) {
    uint64_t arguments[8] = {flags, 0, 0, 0, SIGCHLD};
    long child = syscall(SYS_clone3, arguments, sizeof arguments);
    if (child == 0) _exit(0);
    if (child > 0) waitpid((pid_t)child, NULL, 0);
    return child;
}

/* P03: a user namespace, in which it would have every capability. */
static int user_namespace(int count, char **words) {
    (void)count, (void)words;
    TRY("clone", cloned(CLONE_NEWUSER));
    TRY("clone3", cloned3(CLONE_NEWUSER));
    TRY("unshare", unshare(CLONE_NEWUSER));
    return 0;
}

/* P04: the limits on namespaces, opened for writing. */
static int namespace_limits(int count, char **words) {
    (void)count, (void)words;
    return open_any("/proc/sys/user/max_*_namespaces", O_WRONLY, 0);
}

/* P05: namespaces of every other kind. */
static int namespaces(int count, char **words) {
    (void)count, (void)words;
    const unsigned long kinds[] = {CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, 0x80 /* NEWTIME */};
    for (int i = 0; i < 7; i++) {
        if (kinds[i] != 0x80) TRY("clone", cloned(kinds[i]));
        TRY("clone3", cloned3(kinds[i]));
        TRY("unshare", unshare((int)kinds[i]));
    }
    return 0;
}

/* P06: a process with WORD, given with each byte one too high, among its arguments. */
static int others(int count, char **words) {
    char word[64] = "", text[4096];
    glob_t found;
    for (size_t i = 0; count > 0 && i + 1 < sizeof word && words[0][i]; i++) word[i] = (char)(words[0][i] - 1);
    if (glob("/proc/[0-9]*/cmdline", GLOB_NOSORT, NULL, &found) != 0) return reached("nowhere to look");
    for (size_t i = 0; i < found.gl_pathc; i++) {
        int file = open(found.gl_pathv[i], O_RDONLY);
        if (note(file) < 0) continue;
        ssize_t size = read(file, text, sizeof text);
        close(file);
        if (size > 0 && memmem(text, (size_t)size, word, strlen(word))) return reached("%s", found.gl_pathv[i]);
    }
    return 0;
}

/* P07: PROCESS outside, and with a second word everybody who can be seen. */
static int signals(int count, char **words) {
    if (count < 1) return 0;
    pid_t process = atoi(words[0]);
    TRY("kill", kill(process, SIGUSR1));
    int handle = (int)syscall(SYS_pidfd_open, process, 0);
    if (note(handle) >= 0) TRY("pidfd_send_signal", syscall(SYS_pidfd_send_signal, handle, SIGUSR1, NULL, 0));
    TRY("rt_sigqueueinfo", sigqueue(process, SIGUSR1, (union sigval){0}));
    for (int file = 0; file < 3; file++)
        if (note(fcntl(file, F_SETOWN, process)) >= 0 && fcntl(file, F_SETFL, O_ASYNC) >= 0) (void)!write(2, "", 0);
    if (count > 1) {
        signal(SIGUSR1, SIG_IGN);
        kill(-1, SIGUSR1), kill(0, SIGUSR1);
    }
    return 0;
}

/* P10: PROCESS, init, is ended or stopped. */
static int kills_init(int count, char **words) {
    char path[64], state[64] = "";
    if (count < 1) return 0;
    snprintf(path, sizeof path, "/proc/%s/status", words[0]);
    note(kill(atoi(words[0]), SIGSTOP)), note(kill(atoi(words[0]), SIGKILL)), note(kill(atoi(words[0]), SIGTERM));
    for (int i = 0; i < 100; i++) {
        usleep(1000);
        if (!status_line(path, "State", state, sizeof state) || strchr("TZX", state[0])) return reached("init is %s", state[0] ? state : "gone");
    }
    return 0;
}

/* P18: other ids. */
static int identities(int count, char **words) {
    (void)count, (void)words;
    gid_t group = 42;
    if (geteuid() != 0) TRY("setresuid(0)", setresuid(0, 0, 0));
    if (getegid() != 0) TRY("setresgid(0)", setresgid(0, 0, 0));
    TRY("setgroups", setgroups(1, &group));
    TRY("setresuid(1)", setresuid(1, 1, 1));
    setfsuid(1);
    if (setfsuid((uid_t)-1) == 1) return reached("setfsuid");
    return 0;
}

/* P21: more of the processor than others. */
static int scheduling(int count, char **words) {
    (void)count, (void)words;
    struct sched_param parameter = {1};
    struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; } attributes =
        {48, SCHED_FIFO, 0, 0, 1, 0, 0, 0};
    TRY("SCHED_FIFO", sched_setscheduler(0, SCHED_FIFO, &parameter));
    TRY("SCHED_RR", sched_setscheduler(0, SCHED_RR | 0x40000000, &parameter));
    TRY("sched_setattr", syscall(SYS_sched_setattr, 0, &attributes, 0));
    TRY("nice", setpriority(PRIO_PROCESS, 0, -5));
    TRY("ioprio", syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_RT, 0)));
    TRY("PR_SCHED_CORE", prctl(62, 1 /* CREATE */, 0, 0, 0));
    return 0;
}

/* P23: limits above what was set; with a WORD those of init as well. */
static int limits(int count, char **words) {
    (void)count, (void)words;
    for (int kind = 0; kind < 16; kind++) {
        struct rlimit limit;
        if (getrlimit(kind, &limit) < 0 || limit.rlim_max == RLIM_INFINITY) continue;
        limit.rlim_max++;
        TRY("setrlimit", setrlimit(kind, &limit));
        if (count == 0 || prlimit(1, kind, NULL, &limit) < 0 || limit.rlim_max == RLIM_INFINITY) continue;
        limit.rlim_max++;
        TRY("prlimit of init", prlimit(1, kind, &limit, NULL));
    }
    return 0;
}

/* P24: execution domains that help exploits. */
static int domains(int count, char **words) {
    (void)count, (void)words;
    TRY("ADDR_NO_RANDOMIZE", personality(ADDR_NO_RANDOMIZE));
    TRY("READ_IMPLIES_EXEC", personality(READ_IMPLIES_EXEC));
    TRY("with high bits", syscall(SYS_personality, 0x100000000L | ADDR_NO_RANDOMIZE));
    return 0;
}

/* P26: the machine's name. */
static int host_name(int count, char **words) {
    (void)count, (void)words;
    struct utsname names;
    note(sethostname("canary4711", 10)), note(setdomainname("canary4711", 10));
    uname(&names);
    return strcmp(names.nodename, "canary4711") == 0 ? reached("%s", names.nodename) : 0;
}

PROBES({"P01", capabilities}, {"P02", new_privileges}, {"P03", user_namespace}, {"P04", namespace_limits}, {"P05", namespaces},
       {"P06", others}, {"P07", signals}, {"P10", kills_init}, {"P18", identities}, {"P21", scheduling}, {"P23", limits},
       {"P24", domains}, {"P26", host_name})
