/* Section T: the caller's terminal. */
#include "probe.h"
#include <sys/ioctl.h>

/* T01: TEXT is typed into the terminal at standard input. */
static int types(int count, char **words) {
    int typed = 0;
    for (const char *at = count > 0 ? words[0] : ""; *at; at++) typed += note(ioctl(0, TIOCSTI, at)) >= 0;
    return typed > 0 ? reached("%d characters", typed) : 0;
}

/* T03: a terminal that somebody has. The bystander's process holds none: what is found is the host's. */
static int terminals(int count, char **words) {
    (void)count, (void)words;
    if (open_any("/dev/pts/[0-9]*", O_RDWR, 0)) return 1;
    char target[256];
    glob_t found;
    if (glob("/proc/*/fd/*", GLOB_NOSORT, NULL, &found) != 0) return 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        ssize_t size = readlink(found.gl_pathv[i], target, sizeof target - 1);
        if (note(size) < 0) continue;
        target[size] = 0;
        if (strncmp(target, "/dev/pts/", 9) == 0) TRY(found.gl_pathv[i], open(found.gl_pathv[i], O_RDWR | O_NOCTTY));
    }
    return 0;
}

/* T08: a descriptor that nobody gave to it. */
static int leaked(int count, char **words) {
    (void)count, (void)words;
    for (int file = 3; file < 1024; file++) TRY("a descriptor", fcntl(file, F_GETFD));
    return 0;
}

PROBES({"T01", types}, {"T03", terminals}, {"T08", leaked})
