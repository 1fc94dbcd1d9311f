/* Section C: more than the profile gives. Every loop is bounded. */
#include "probe.h"
#include <sys/mman.h>

enum { most = 200 };

/* C03: more than LIMIT processes at one time. */
static int fork_bomb(int count, char **words) {
    if (count < 1) return 0;
    pid_t children[most];
    int made = 0;
    while (made < most && note(children[made] = fork()) > 0) made++;
    if (made < most && children[made] == 0) {
        pause();
        _exit(0);
    }
    for (int i = 0; i < made; i++) kill(children[i], SIGKILL);
    while (waitpid(-1, NULL, 0) > 0) continue;
    return made > atoi(words[0]) ? reached("%d processes", made) : 0;
}

static size_t megabytes;
static int sharing;

static int eats(void) {
    size_t size = megabytes << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    for (size_t at = 0; at < size; at += 4096) memory[at] = 1;
    return 0;
}

/* C04: MEGABYTES of memory, in one process; with a second word as shared memory. */
static int memory_bomb(int count, char **words) {
    if (count < 1) return 0;
    megabytes = (size_t)atoi(words[0]);
    sharing = count > 1 ? MAP_SHARED : MAP_PRIVATE;
    last_error = ENOMEM;
    return in_child(eats) == 0 ? reached("%zu MiB", megabytes) : 0;
}

/* C06: processes that are always new: each forks the next and ends, for NUMBER times, MICROSECONDS apart. More words
   only mark them. */
static int always_new(int count, char **words) {
    if (count < 2) return 0;
    int number = atoi(words[0]), pause_of = atoi(words[1]);
    for (int chain = 0; chain < 8; chain++) {
        if (fork() != 0) continue;
        setsid();
        for (int i = 0; i < number; i++) {
            if (pause_of > 0) usleep((useconds_t)pause_of);
            pid_t next = fork();
            if (next > 0) _exit(0);
            if (next < 0) usleep(100);
        }
        _exit(0);
    }
    puts("up");
    pause();
    return 0;
}

/* C07: control groups of its own. */
static int groups(int count, char **words) {
    (void)count, (void)words;
    const char *names[] = {"/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/*/cgroup.procs", "/sys/fs/cgroup/*/tasks"};
    for (int i = 0; i < 3; i++)
        if (open_any(names[i], O_WRONLY, 0)) return 1;
    return 0;
}

/* C11: contexts of asynchronous I/O, which are counted for the machine. */
static int contexts(int count, char **words) {
    (void)count, (void)words;
    unsigned long context = 0;
    TRY("io_setup", syscall(SYS_io_setup, 1, &context));
    return 0;
}

PROBES({"C03", fork_bomb}, {"C04", memory_bomb}, {"C06", always_new}, {"C07", groups}, {"C11", contexts})
