/* H12: `h22 LAUNCHES ARGUMENT SOCKET COMMAND…` starts the command so many times, and as long as each runs looks at the
   processes that come after it: for ARGUMENT among their arguments, and for SOCKET among the UNIX sockets of their network
   namespace. Both are given with each byte one too high, so that its own arguments do not hold them. Prints REACHED and
   which, and what it could look at: "looked" when it read such files of others at all. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AHEAD = 24 };

static char buffer[1 << 20], argument[256], path_of_socket[256];

static void unshift(char *to, size_t size, const char *from) {
    for (size_t i = 0; i + 1 < size && from[i]; i++) to[i] = (char)(from[i] - 1);
}

/* Whether a file of a process could be read, and 2 when it holds the needle. */
static int look(pid_t process, const char *name, const char *needle) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", process, name);
    int file = open(path, O_RDONLY);
    if (file < 0) return 0;
    size_t size = 0;
    ssize_t part;
    while (size < sizeof buffer && (part = read(file, buffer + size, sizeof buffer - size)) > 0) size += (size_t)part;
    close(file);
    return size == 0 ? 0 : memmem(buffer, size, needle, strlen(needle)) ? 2 : 1;
}

int main(int count, char **arguments) {
    if (count < 5) return 2;
    unshift(argument, sizeof argument, arguments[2]);
    unshift(path_of_socket, sizeof path_of_socket, arguments[3]);
    int seen[2] = {0}, launches = atoi(arguments[1]);
    for (int i = 0; i < launches; i++) {
        pid_t child = fork();
        if (child == 0) execvp(arguments[4], arguments + 4), _exit(127);
        int status = 0;
        while (child > 0 && waitpid(child, &status, WNOHANG) == 0)
            for (pid_t process = child + 1; process < child + AHEAD; process++) {
                int found[] = {look(process, "net/unix", path_of_socket), look(process, "cmdline", argument)};
                for (int k = 0; k < 2; k++) seen[k] = found[k] > seen[k] ? found[k] : seen[k];
            }
        if (child < 0 || status != 0) return printf("launch %d failed\n", i), 2;
    }
    if (seen[0] > 0 && seen[1] > 0) puts("looked");
    if (seen[0] == 2) puts("REACHED sockets");
    if (seen[1] == 2) puts("REACHED arguments");
    return 0;
}
