/* What the probes share: a table of cases of the attack corpus, and one way to say what came of one.

   A probe is started as `./FAMILY CASE WORDS…`. It prints REACHED and what, and ends with 0, as soon as one attempt of
   the case succeeds; HELD and the last errno, and ends with 1, when all fail. */
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct probe {
    const char *id;
    int (*run)(int count, char **words); /* 1 when something was reached */
};

static int last_error;

__attribute__((format(printf, 1, 2), unused)) static int reached(const char *format, ...) {
    va_list list;
    va_start(list, format);
    printf("REACHED ");
    vprintf(format, list);
    printf("\n");
    va_end(list);
    return 1;
}

static inline long note(long result) {
    if (result < 0) last_error = errno;
    return result;
}

/* One attempt: what is tried, and a call that gives a negative number when it fails. */
#define TRY(what, call)                                  \
    do {                                                 \
        if (note((long)(call)) >= 0) return reached("%s", what); \
    } while (0)

/* Opens what a pattern names; gives 1 at the first that opens and, with `wanted` bytes, reads that many. */
__attribute__((unused)) static int open_any(const char *pattern, int flags, size_t wanted) {
    glob_t found;
    char byte[64];
    if (glob(pattern, GLOB_NOSORT, 0, &found) != 0) return last_error = ENOENT, 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        int file = open(found.gl_pathv[i], flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (note(file) < 0) continue;
        if (wanted == 0 || read(file, byte, wanted) > 0) return reached("%s", found.gl_pathv[i]);
        close(file);
    }
    globfree(&found);
    return 0;
}

/* Runs an attempt that may kill the process in a child; its exit code, or -1 with the signal noted. */
__attribute__((unused)) static int in_child(int (*attempt)(void)) {
    pid_t child = fork();
    if (child == 0) _exit(attempt());
    int status;
    if (child < 0 || waitpid(child, &status, 0) < 0) return note(-1), -1;
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    last_error = 1000 + WTERMSIG(status);
    return -1;
}

static int run_probe(const struct probe *probes, size_t size, int count, char **words) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; count > 1 && i < size; i++) {
        if (strcmp(probes[i].id, words[1]) != 0) continue;
        if (probes[i].run(count - 2, words + 2)) return 0;
        if (last_error > 1000) printf("HELD SIG%s\n", sigabbrev_np(last_error - 1000));
        else printf("HELD %s\n", last_error ? strerrorname_np(last_error) : "nothing there");
        return 1;
    }
    fprintf(stderr, "no such case\n");
    return 2;
}

#define PROBES(...)                                                                     \
    int main(int count, char **words) {                                                 \
        static const struct probe probes[] = {__VA_ARGS__};                             \
        return run_probe(probes, sizeof probes / sizeof *probes, count, words);         \
    }
