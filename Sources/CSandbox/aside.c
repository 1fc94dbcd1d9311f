/* Closing what strangers had a hand in, by a few threads that nothing waits for. */
#define _GNU_SOURCE
#include "csb_socket.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* A close that lingers ends with a signal, SO_LINGER's time or not (socket(7); sk_stream_wait_close of
   net/core/stream.c), and with it all that is queued on the same socket: a closer is interrupted as often as
   this says, in nanoseconds, whatever a stranger sent. So a few are enough, and a thread for each would serve
   nobody but who sends them. SO_LINGER taken from the socket before would not do: who sent it may set it
   again until the close has begun. */
enum { CSB_CLOSERS = 4, CSB_PATIENCE = 100000 };

/* Sent by a thread, and of the standard ones, since such a signal comes where no more may be queued as well
   (RLIMIT_SIGPENDING, __send_signal_locked of kernel/signal.c): timer_create(2) takes a place there for each
   timer, and fails where the user's other processes have them all. This one does nothing to who does not
   handle it (signal(7)). */
enum { CSB_HURRY = SIGURG };

struct aside {
    struct aside *next;
    uint64_t sender;
    int count, descriptors[];
};

struct closer {
    int is_there;
    pid_t thread;
    struct aside *closing;
};

/* What is left to close, in its order: open descriptors, so never more than RLIMIT_NOFILE. */
static struct {
    pthread_mutex_t lock;
    struct aside *first, *last;
    struct closer closers[CSB_CLOSERS];
    int is_hurried;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void interrupt(int number) { (void)number; }

/* Names the calling thread, and leaves all signals but that one to others. */
static void settle(const char *name, int number) {
    sigset_t others;
    sigfillset(&others);
    if (number) sigdelset(&others, number);
    pthread_sigmask(SIG_SETMASK, &others, 0);
    prctl(PR_SET_NAME, name, 0, 0, 0);
}

/* Signals whoever closes something; 0 when no closer is there any more, and then nobody hurries them. Under
   the lock none of them ends, so that its number is no other thread's. */
static int hurry_all(void) {
    int count = 0;
    pthread_mutex_lock(&queue.lock);
    for (struct closer *closer = queue.closers; closer < queue.closers + CSB_CLOSERS; closer++) {
        count += closer->is_there;
        if (closer->closing) tgkill(getpid(), closer->thread, CSB_HURRY);
    }
    queue.is_hurried = count > 0;
    pthread_mutex_unlock(&queue.lock);
    return count;
}

static void *hurry(void *nothing) {
    struct timespec patience = {0, CSB_PATIENCE};
    settle("bailey-hurrier", 0);
    do nanosleep(&patience, 0);
    while (hurry_all() > 0);
    return nothing;
}

/* The next, in the place of what has been closed; or none, and then the closer is gone. */
static struct aside *taken(struct closer *closer) {
    pthread_mutex_lock(&queue.lock);
    struct aside *closed = closer->closing, *next = queue.first;
    if (next) queue.first = next->next;
    closer->closing = next;
    closer->thread = gettid();
    closer->is_there = next != 0;
    pthread_mutex_unlock(&queue.lock);
    free(closed);
    return next;
}

static void *close_all(void *closer) {
    settle("bailey-closer", CSB_HURRY);
    for (struct aside *next = taken(closer); next; next = taken(closer))
        for (int i = 0; i < next->count; i++) close(next->descriptors[i]);
    return 0;
}

static int start(void *(*body)(void *), void *argument) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    int error = pthread_create(&thread, &attributes, body, argument);
    pthread_attr_destroy(&attributes);
    return error;
}

/* First who hurries them: a closer that nobody hurries waits for as long as a stranger wants. */
static int start_hurrying(void) {
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART};
    if (queue.is_hurried) return 0;
    if (sigaction(CSB_HURRY, &action, 0) < 0) return errno;
    int error = start(hurry, 0);
    queue.is_hurried = error == 0;
    return error;
}

/* One closer more where there may be one; an error where there is none at all. */
static int start_closing(void) {
    struct closer *absent = 0;
    int count = 0;
    for (struct closer *closer = queue.closers; closer < queue.closers + CSB_CLOSERS; closer++) {
        count += closer->is_there;
        if (!closer->is_there) absent = closer;
    }
    int error = start_hurrying();
    if (error || !absent) return error;
    error = start(close_all, absent);
    absent->is_there = error == 0;
    return count > 0 ? 0 : error;
}

int csb_close_aside(uint64_t sender, const int *descriptors, int count) {
    if (count <= 0) return -EINVAL;
    struct aside *aside = malloc(sizeof *aside + sizeof(int) * (size_t)count);
    if (!aside) return -ENOMEM;
    *aside = (struct aside){.sender = sender, .count = count};
    memcpy(aside->descriptors, descriptors, sizeof(int) * (size_t)count);
    pthread_mutex_lock(&queue.lock);
    int error = start_closing();
    /* A sender's, left open and not counted, would be the caller's to bear, one after the other. */
    if (sender) error = 0;
    if (!error) {
        if (queue.first) queue.last->next = aside;
        else queue.first = aside;
        queue.last = aside;
    }
    pthread_mutex_unlock(&queue.lock);
    if (error) free(aside);
    return -error;
}

static int counted(const struct aside *aside, uint64_t sender) {
    return aside->sender && (!sender || aside->sender == sender) ? aside->count : 0;
}

int csb_waiting_aside(uint64_t sender) {
    int waiting = 0;
    pthread_mutex_lock(&queue.lock);
    if (queue.first) start_closing();
    for (int i = 0; i < CSB_CLOSERS; i++)
        if (queue.closers[i].closing) waiting += counted(queue.closers[i].closing, sender);
    for (const struct aside *aside = queue.first; aside; aside = aside->next)
        waiting += counted(aside, sender);
    pthread_mutex_unlock(&queue.lock);
    return waiting;
}
