/* E05, E20, H12: looks for a secret in the memory of a process. The needle is given with each byte one too high, so
   that this program's own arguments do not hold it. Prints REACHED and ends with 0 when it finds it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char buffer[1 << 16], needle[256];

static int holds(unsigned long from, unsigned long to, const void *address) {
    return from <= (unsigned long)address && (unsigned long)address < to;
}

static int scan(int memory, unsigned long from, unsigned long to) {
    size_t length = strlen(needle);
    if (holds(from, to, needle) || holds(from, to, buffer)) return 0;
    for (unsigned long at = from; at < to; at += sizeof buffer - length) {
        size_t wanted = to - at < sizeof buffer ? to - at : sizeof buffer;
        ssize_t size = pread(memory, buffer, wanted, (off_t)at);
        if (size <= 0) return 0;
        if (memmem(buffer, (size_t)size, needle, length)) return 1;
    }
    return 0;
}

int main(int count, char **arguments) {
    if (count < 3) return 2;
    char path[64], line[512];
    for (size_t i = 0; i + 1 < sizeof needle && arguments[2][i]; i++) needle[i] = (char)(arguments[2][i] - 1);
    snprintf(path, sizeof path, "/proc/%s/mem", arguments[1]);
    int memory = open(path, O_RDONLY);
    if (memory < 0) return perror("mem"), 1;
    snprintf(path, sizeof path, "/proc/%s/maps", arguments[1]);
    FILE *maps = fopen(path, "r");
    if (!maps) return perror("maps"), 1;
    while (fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        char rights[8];
        if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) != 3 || rights[0] != 'r') continue;
        if (scan(memory, from, to)) return printf("REACHED in %s", line), 0;
    }
    puts("nothing found");
    return 1;
}
