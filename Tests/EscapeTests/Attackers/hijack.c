/* A program that was taken over: `hijack before|after CALL PROGRAM <INPUT` starts it under ptrace(2) and puts another system
   call in the place of its first read of standard input, or of its first write to standard output. Says what /proc has of its
   seccomp filter at that moment, and what became of the call. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs and opens on every machine; the program's own argument, so that it lies in its memory. */
#define THERE "/bin/true"

static pid_t program;

static _Noreturn void fail(const char *step) {
    fprintf(stderr, "%s: %s\n", step, strerror(errno));
    if (program > 0) kill(program, SIGKILL);
    exit(2);
}

static pid_t started(char *path) {
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child > 0) return child;
    int nothing = open("/dev/null", O_WRONLY);
    if (nothing < 0 || dup2(nothing, STDOUT_FILENO) < 0 || ptrace(PTRACE_TRACEME, 0, 0, 0) < 0) _exit(3);
    execl(path, path, THERE, (char *)0);
    _exit(4);
}

/* The next stop; a signal on its way is delivered. */
static int next_stop(void) {
    int status, delivered = 0;
    for (;;) {
        if (ptrace(PTRACE_SYSCALL, program, 0, delivered) < 0) fail("PTRACE_SYSCALL");
        if (waitpid(program, &status, 0) < 0) fail("waitpid");
        if (!WIFSTOPPED(status) || WSTOPSIG(status) == (SIGTRAP | 0x80)) return status;
        delivered = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    }
}

static void show_filter(void) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", program);
    FILE *file = fopen(path, "r");
    if (file == NULL) fail(path);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "Seccomp:", 8) == 0) fputs(line, stdout);
    fclose(file);
}

static void replace(struct user_regs_struct *calls, const char *name, unsigned long there) {
    if (strcmp(name, "open") == 0) {
        calls->orig_rax = SYS_openat, calls->rdi = AT_FDCWD, calls->rsi = there, calls->rdx = O_RDONLY;
    } else if (strcmp(name, "socket") == 0) {
        calls->orig_rax = SYS_socket, calls->rdi = AF_INET, calls->rsi = SOCK_STREAM, calls->rdx = 0;
    } else if (strcmp(name, "execve") == 0) {
        calls->orig_rax = SYS_execve, calls->rdi = there, calls->rsi = 0, calls->rdx = 0;
    } else if (strcmp(name, "kill") == 0) {
        calls->orig_rax = SYS_kill, calls->rdi = program, calls->rsi = 0;
    } else if (strcmp(name, "fork") == 0) {
        calls->orig_rax = SYS_clone, calls->rdi = SIGCHLD, calls->rsi = 0, calls->rdx = 0, calls->r10 = 0, calls->r8 = 0;
    } else {
        errno = EINVAL;
        fail(name);
    }
}

int main(int count, char **arguments) {
    if (count != 4) return fprintf(stderr, "hijack before|after CALL PROGRAM\n"), 2;
    int is_before = strcmp(arguments[1], "before") == 0, status;
    unsigned long wanted = is_before ? SYS_read : SYS_write, descriptor = is_before ? STDIN_FILENO : STDOUT_FILENO;
    program = started(arguments[3]);
    if (waitpid(program, &status, 0) < 0 || !WIFSTOPPED(status)) fail("start");
    if (ptrace(PTRACE_SETOPTIONS, program, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0) fail("PTRACE_SETOPTIONS");
    struct user_regs_struct calls;
    if (ptrace(PTRACE_GETREGS, program, 0, &calls) < 0) fail("PTRACE_GETREGS");
    /* Behind the number of arguments and the first of them. */
    errno = 0;
    unsigned long there = (unsigned long)ptrace(PTRACE_PEEKDATA, program, calls.rsp + 16, 0);
    if (errno != 0) fail("PTRACE_PEEKDATA");
    do {
        if (!WIFSTOPPED(next_stop())) return fprintf(stderr, "it ended before that\n"), 2;
        if (ptrace(PTRACE_GETREGS, program, 0, &calls) < 0) fail("PTRACE_GETREGS");
        /* At a call's beginning, and not at its end. */
    } while (calls.rax != (unsigned long)-ENOSYS || calls.orig_rax != wanted || calls.rdi != descriptor);
    show_filter();
    replace(&calls, arguments[2], there);
    if (ptrace(PTRACE_SETREGS, program, 0, &calls) < 0) fail("PTRACE_SETREGS");
    status = next_stop();
    if (WIFSTOPPED(status) && ptrace(PTRACE_GETREGS, program, 0, &calls) < 0) fail("PTRACE_GETREGS");
    long result = (long)calls.rax;
    /* A filter's signal comes behind the call's end, whose result then is its number. */
    if (WIFSTOPPED(status)) status = next_stop();
    if (WIFSIGNALED(status)) return printf("%s: killed by signal %d\n", arguments[2], WTERMSIG(status)), 0;
    if (!WIFSTOPPED(status)) return printf("%s: it ended\n", arguments[2]), 0;
    printf("%s: %s\n", arguments[2], result < 0 ? strerror(-(int)result) : "done");
    if (strcmp(arguments[2], "fork") == 0 && result > 0) kill((pid_t)result, SIGKILL);
    kill(program, SIGKILL);
    waitpid(program, &status, 0);
    return 0;
}
