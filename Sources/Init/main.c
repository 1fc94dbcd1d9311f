/* bailey-init: the first process of an agent's pid namespace.

   It waits for the supervisor's word, runs the command in a session of its own, hands signals on, reaps, says how the
   command ended, and ends: with it the kernel ends everything else in the namespace. When the channel closes, the
   supervisor is gone, and so is the agent. It holds no secret and cannot be read (PR_SET_DUMPABLE), and the locks it
   was started under hold for it as for the command. */
#define _GNU_SOURCE
#include "../CSandbox/include/csb_channel.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void say(int kind, int value) {
    struct csb_word word = {.kind = kind, .a = value};
    (void)!send(CSB_CHANNEL_NUMBER, &word, sizeof word, MSG_NOSIGNAL);
}

/* One word of the supervisor's; ends when there will be none. */
static struct csb_word hear(void) {
    struct csb_word word;
    ssize_t size;
    do size = recv(CSB_CHANNEL_NUMBER, &word, sizeof word, 0);
    while (size < 0 && errno == EINTR);
    if (size != sizeof word) _exit(1);
    return word;
}

static _Noreturn void become_command(char **arguments, int failure) {
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    if (sigprocmask(SIG_SETMASK, &none, 0) == 0) {
        prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
        setsid();
        if (isatty(0)) ioctl(0, TIOCSCTTY, 0);
        execve(arguments[1], arguments + 2, environ);
    }
    int error = errno;
    (void)!write(failure, &error, sizeof error);
    _exit(127);
}

/* Starts the command; ends after saying why it could not. */
static pid_t start(char **arguments) {
    int failure[2], error;
    if (pipe2(failure, O_CLOEXEC) < 0) {
        say(CSB_EXEC_FAILED, errno);
        _exit(1);
    }
    pid_t command = fork();
    if (command == 0) {
        close(failure[0]);
        become_command(arguments, failure[1]);
    }
    close(failure[1]);
    int failed = command < 0 ? errno : read(failure[0], &error, sizeof error) == sizeof error ? error : 0;
    close(failure[0]);
    if (!failed) return command;
    say(CSB_EXEC_FAILED, failed);
    _exit(1);
}

/* Reaps whatever has ended; ends when the command has. */
static void reap(pid_t command) {
    int status;
    for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG | __WALL)) > 0;) {
        if (ended != command) continue;
        if (WIFSIGNALED(status)) say(CSB_SIGNALLED, WTERMSIG(status));
        else say(CSB_EXITED, WEXITSTATUS(status));
        _exit(0);
    }
}

/* What a terminal would send to the whole foreground group goes to the command's group, anything else to it alone. */
static void deliver(pid_t command, int number) {
    if (number == SIGINT || number == SIGQUIT || number == SIGHUP) kill(-command, number);
    else kill(command, number);
}

static void obey(struct csb_word word, pid_t command) {
    if (word.kind == CSB_SIGNAL) deliver(command, word.a);
    if (word.kind == CSB_RESIZE) {
        struct winsize size = {.ws_row = (unsigned short)word.a, .ws_col = (unsigned short)word.b};
        ioctl(0, TIOCSWINSZ, &size);
    }
}

int main(int count, char **arguments) {
    if (count < 3 || getpid() != 1) return 1;
    /* A policy may refuse these calls; then nothing runs, rather than beside an init that can be read or spoken for. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || fcntl(CSB_CHANNEL_NUMBER, F_SETFD, FD_CLOEXEC) < 0) {
        say(CSB_EXEC_FAILED, errno);
        return 1;
    }
    prctl(PR_SET_NAME, "bailey-init", 0, 0, 0);
    sigset_t all, children;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, 0);
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    int ended = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    if (ended < 0) return 1;
    struct csb_word word = hear();
    for (; word.kind != CSB_GO; word = hear()) obey(word, 1 << 30);
    pid_t command = start(arguments);
    say(CSB_STARTED, 0);
    struct pollfd watched[2] = {{.fd = CSB_CHANNEL_NUMBER, .events = POLLIN}, {.fd = ended, .events = POLLIN}};
    for (;;) {
        if (poll(watched, 2, -1) < 0 && errno != EINTR) return 1;
        struct signalfd_siginfo ignored;
        while (read(ended, &ignored, sizeof ignored) > 0) continue;
        reap(command);
        if (watched[0].revents) obey(hear(), command);
    }
}
