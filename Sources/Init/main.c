/* bailey-init: the first process of an agent's pid namespace.

   It waits for the supervisor's word, runs the command in a session of its own, hands signals on, reaps, says how the
   command ended, and ends: with it the kernel ends everything else in the namespace. When the channel closes, the
   supervisor is gone, and so is the agent. It holds no secret and cannot be read (PR_SET_DUMPABLE), and the locks it
   was started under hold for it as for the command. It has no C library (calls.h). */
#include "../CSandbox/include/csb_channel.h"
#include "calls.h"
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/signalfd.h>
#include <linux/socket.h>
#include <linux/termios.h>

enum { NO_SIGNAL = 0x4000, LAST_SIGNAL = 64, NO_GROUP = 1 << 30 };

/* Bit N-1 is signal N. */
typedef unsigned long signals;
static const signals all_signals = ~0UL;

static void say(int kind, int value) {
    struct csb_word word = {.kind = kind, .a = value};
    call(__NR_sendto, CSB_CHANNEL_NUMBER, (long)&word, sizeof word, NO_SIGNAL, 0);
}

/* One word of the supervisor's; ends when there will be none. */
static struct csb_word hear(void) {
    struct csb_word word = {0};
    long size;
    do size = call(__NR_recvfrom, CSB_CHANNEL_NUMBER, (long)&word, sizeof word, 0, 0);
    while (size == -EINTR);
    if (size != sizeof word) leave(1);
    return word;
}

static void block(signals set) { CALL4(rt_sigprocmask, SIG_SETMASK, &set, 0, sizeof set); }

static _Noreturn void become_command(char **arguments, char **environment, int failure) {
    struct sigaction standard = {0};
    for (int number = 1; number <= LAST_SIGNAL; number++)
        CALL4(rt_sigaction, number, &standard, 0, sizeof(signals));
    block(0);
    CALL2(prctl, PR_SET_PDEATHSIG, 0);
    CALL1(setsid, 0);
    struct termios terminal;
    if (CALL3(ioctl, 0, TCGETS, &terminal) == 0) CALL3(ioctl, 0, TIOCSCTTY, 0);
    int error = (int)-CALL3(execve, arguments[1], arguments + 2, environment);
    CALL3(write, failure, &error, sizeof error);
    leave(127);
}

/* The command's process; or, negated, why there is none. */
static long begin(char **arguments, char **environment) {
    int failure[2], error = 0;
    long refused = CALL2(pipe2, failure, O_CLOEXEC);
    if (refused < 0) return refused;
    long command = CALL2(clone, SIGCHLD, 0);
    if (command == 0) {
        CALL1(close, failure[0]);
        become_command(arguments, environment, failure[1]);
    }
    CALL1(close, failure[1]);
    if (command > 0 && CALL3(read, failure[0], &error, sizeof error) == sizeof error) command = -error;
    CALL1(close, failure[0]);
    return command;
}

/* Starts the command; ends after saying why it could not. */
static int start(char **arguments, char **environment) {
    long command = begin(arguments, environment);
    if (command > 0) return (int)command;
    say(CSB_EXEC_FAILED, (int)-command);
    leave(1);
}

/* Reaps whatever has ended; ends when the command has. */
static void reap(int command) {
    int status = 0;
    for (long ended; (ended = CALL4(wait4, -1, &status, WNOHANG | __WALL, 0)) > 0;) {
        if (ended != command) continue;
        int signal = status & 0x7f;
        if (signal) say(CSB_SIGNALLED, signal);
        else say(CSB_EXITED, status >> 8 & 0xff);
        leave(0);
    }
}

/* What a terminal would send to the whole foreground group goes to the command's group, anything else to it alone. */
static void deliver(int command, int number) {
    int isGroups = number == SIGINT || number == SIGQUIT || number == SIGHUP;
    CALL2(kill, isGroups ? -command : command, number);
}

static void obey(struct csb_word word, int command) {
    if (word.kind == CSB_SIGNAL) deliver(command, word.a);
    if (word.kind == CSB_RESIZE) {
        struct winsize size = {.ws_row = (unsigned short)word.a, .ws_col = (unsigned short)word.b};
        CALL3(ioctl, 0, TIOCSWINSZ, &size);
    }
}

/* A descriptor that is readable when a child has ended, and no signal interrupts; negated, why there is none. */
static long listen_for_the_dead(void) {
    signals children = 1UL << (SIGCHLD - 1);
    block(all_signals);
    return CALL4(signalfd4, -1, &children, sizeof children, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int supervise(int command, int ended) {
    struct pollfd watched[2] = {{.fd = CSB_CHANNEL_NUMBER, .events = POLLIN}, {.fd = ended, .events = POLLIN}};
    for (;;) {
        long ready = CALL3(poll, watched, 2, -1);
        if (ready < 0 && ready != -EINTR) return 1;
        struct signalfd_siginfo ignored;
        while (CALL3(read, ended, &ignored, sizeof ignored) > 0) continue;
        reap(command);
        if (watched[0].revents) obey(hear(), command);
    }
}

static int init(long count, char **arguments, char **environment) {
    if (count < 3 || call(__NR_getpid, 0, 0, 0, 0, 0) != 1) return 1;
    /* A policy may refuse these calls; then nothing runs, rather than beside an init that can be read or spoken for. */
    long refused = CALL2(prctl, PR_SET_DUMPABLE, 0);
    if (refused >= 0) refused = CALL3(fcntl, CSB_CHANNEL_NUMBER, F_SETFD, 1 /* FD_CLOEXEC */);
    if (refused < 0) {
        say(CSB_EXEC_FAILED, (int)-refused);
        return 1;
    }
    CALL2(prctl, PR_SET_NAME, "bailey-init");
    long ended = listen_for_the_dead();
    if (ended < 0) return 1;
    struct csb_word word = hear();
    for (; word.kind != CSB_GO; word = hear()) obey(word, NO_GROUP);
    int command = start(arguments, environment);
    say(CSB_STARTED, 0);
    return supervise(command, (int)ended);
}

/* The stack of a new process: the count of arguments, they, a null, the environment, a null (System V ABI, AMD64
   supplement, "Initial Stack and Register State"). */
__attribute__((used)) static _Noreturn void begin_with(long *stack) {
    char **arguments = (char **)(stack + 1);
    leave(init(stack[0], arguments, arguments + stack[0] + 1));
}

__asm__(".globl _start\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    mov %rsp, %rdi\n"
        "    and $-16, %rsp\n"
        "    call begin_with\n"
        "    hlt\n");

/* What a compiler calls for structs. */
void *memset(void *at, int byte, unsigned long size);
void *memset(void *at, int byte, unsigned long size) {
    void *place = at;
    __asm__ volatile("rep stosb" : "+D"(place), "+c"(size) : "a"(byte) : "memory");
    return at;
}
void *memcpy(void *to, const void *from, unsigned long size);
void *memcpy(void *to, const void *from, unsigned long size) {
    void *place = to;
    __asm__ volatile("rep movsb" : "+D"(place), "+S"(from), "+c"(size) : : "memory");
    return to;
}
