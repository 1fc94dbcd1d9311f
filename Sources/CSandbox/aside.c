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

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid /* timer_create(2); glibc's headers do not name it */
#endif

/* A close that lingers ends with a signal, SO_LINGER's time or not (socket(7); sk_stream_wait_close of
   net/core/stream.c), and with it all that is queued on the same socket: a thread is interrupted as often as this says, in
   nanoseconds, whatever a stranger sent. So a few are enough, and a thread for each would serve nobody but who sends
   them. */
enum { CSB_CLOSERS = 4, CSB_PATIENCE = 100000 };

struct aside {
    struct aside *next;
    int count, descriptors[];
};

/* What is left to close, in its order: open descriptors, so never more than RLIMIT_NOFILE. */
static struct {
    pthread_mutex_t lock;
    struct aside *first, *last;
    int waiting, closers;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void interrupt(int number) { (void)number; }

/* Has the calling thread, and no other signal of the process's, interrupted time and again; 0 where that is not to be
   had: then it waits as long as what it closes does. */
static int hurry(timer_t *timer) {
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMAX};
    struct itimerspec often = {{0, CSB_PATIENCE}, {0, CSB_PATIENCE}};
    sigset_t others;
    sigfillset(&others);
    sigdelset(&others, SIGRTMAX);
    event.sigev_notify_thread_id = (int)gettid();
    if (sigaction(SIGRTMAX, &action, 0) < 0 || pthread_sigmask(SIG_SETMASK, &others, 0) != 0) return 0;
    if (timer_create(CLOCK_MONOTONIC, &event, timer) < 0) return 0;
    if (timer_settime(*timer, 0, &often, 0) == 0) return 1;
    timer_delete(*timer);
    return 0;
}

/* The next, or none, and then the calling thread is no closer any more. */
static struct aside *taken(void) {
    pthread_mutex_lock(&queue.lock);
    struct aside *next = queue.first;
    if (next) {
        queue.first = next->next;
        queue.waiting -= next->count;
    } else {
        queue.closers--;
    }
    pthread_mutex_unlock(&queue.lock);
    return next;
}

static void *close_all(void *nothing) {
    timer_t timer;
    prctl(PR_SET_NAME, "bailey-closer", 0, 0, 0);
    int hurries = hurry(&timer);
    for (struct aside *next = taken(); next; next = taken()) {
        for (int i = 0; i < next->count; i++) close(next->descriptors[i]);
        free(next);
    }
    if (hurries) timer_delete(timer);
    return nothing;
}

static int start(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    int error = pthread_create(&thread, &attributes, close_all, 0);
    pthread_attr_destroy(&attributes);
    return error;
}

int csb_close_aside(const int *descriptors, int count) {
    if (count <= 0) return -EINVAL;
    struct aside *aside = malloc(sizeof *aside + sizeof(int) * (size_t)count);
    if (!aside) return -ENOMEM;
    aside->next = 0;
    aside->count = count;
    memcpy(aside->descriptors, descriptors, sizeof(int) * (size_t)count);
    pthread_mutex_lock(&queue.lock);
    int error = queue.closers < CSB_CLOSERS ? start() : 0;
    if (!error && queue.closers < CSB_CLOSERS) queue.closers++;
    if (!error || queue.closers > 0) {
        if (queue.first) queue.last->next = aside;
        else queue.first = aside;
        queue.last = aside;
        queue.waiting += count;
        aside = 0;
    }
    pthread_mutex_unlock(&queue.lock);
    if (!aside) return 0;
    free(aside);
    return -error;
}

int csb_waiting_aside(void) {
    pthread_mutex_lock(&queue.lock);
    int waiting = queue.waiting;
    pthread_mutex_unlock(&queue.lock);
    return waiting;
}
