/* E06: attaches to a process as a debugger does, and reads a word of its memory. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>

int main(int count, char **arguments) {
    if (count < 2) return 2;
    pid_t process = atoi(arguments[1]);
    if (ptrace(PTRACE_SEIZE, process, 0, 0) == 0 || ptrace(PTRACE_ATTACH, process, 0, 0) == 0)
        return puts("REACHED"), 0;
    perror("attach");
    return 1;
}
