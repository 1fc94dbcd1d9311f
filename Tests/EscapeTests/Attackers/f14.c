/* F14 (CVE-2019-5736): opens the program of a process for writing. ETXTBSY is permission granted, only busy. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int writable(const char *path) {
    if (open(path, O_WRONLY) >= 0 || errno == ETXTBSY) return 1;
    int handle = open(path, O_PATH);
    if (handle < 0) return 0;
    char again[64];
    snprintf(again, sizeof again, "/proc/self/fd/%d", handle);
    return open(again, O_WRONLY) >= 0 || errno == ETXTBSY;
}

int main(int count, char **arguments) {
    int reached = 0;
    for (int i = 1; i < count; i++) {
        if (!writable(arguments[i])) continue;
        printf("REACHED %s\n", arguments[i]);
        reached = 1;
    }
    return !reached;
}
