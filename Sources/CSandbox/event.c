#define _GNU_SOURCE
#include "csb_event.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t set_of(const int *numbers, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, numbers[i]);
    return set;
}

void csb_signals_block(const int *numbers, int count) {
    sigset_t set = set_of(numbers, count);
    pthread_sigmask(SIG_BLOCK, &set, 0);
}

int csb_signals_open(const int *numbers, int count) {
    sigset_t set = set_of(numbers, count);
    int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int csb_signals_next(int descriptor) {
    struct signalfd_siginfo information;
    return read(descriptor, &information, sizeof information) == sizeof information ? (int)information.ssi_signo : 0;
}

int csb_event_open(void) {
    int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

void csb_event_raise(int descriptor) { (void)!eventfd_write(descriptor, 1); }

void csb_event_take(int descriptor) {
    eventfd_t count;
    (void)!eventfd_read(descriptor, &count);
}
