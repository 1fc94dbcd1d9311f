/* Section I: objects and services of the host's session. */
#include "probe.h"
#include <mqueue.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

/* I01: System V objects with KEY. */
static int system_v(int count, char **words) {
    if (count < 1) return 0;
    int key = atoi(words[0]);
    TRY("shared memory", shmget(key, 0, 0));
    TRY("a message queue", msgget(key, 0));
    TRY("a semaphore", semget(key, 0, 0));
    return 0;
}

/* I02: POSIX objects with NAME. */
static int posix(int count, char **words) {
    char name[100];
    if (count < 1) return 0;
    snprintf(name, sizeof name, "/%s", words[0]);
    TRY("shared memory", shm_open(name, O_RDWR, 0));
    TRY("a message queue", mq_open(name, O_RDWR));
    return 0;
}

/* I03 to I10 but I08: somebody listens at one of the PATHS; a name that begins with @ is abstract. */
static int services(int count, char **words) {
    for (int i = 0; i < count; i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        size_t length = strlen(words[i]);
        if (length >= sizeof address.sun_path) continue;
        memcpy(address.sun_path, words[i], length);
        if (words[i][0] == '@') address.sun_path[0] = 0;
        int peer = socket(AF_UNIX, SOCK_STREAM, 0);
        TRY(words[i], connect(peer, (void *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (words[i][0] != '@'))));
        close(peer);
    }
    return 0;
}

/* I08: locks and watches on FILES of the supervisor's. */
static int supervisor_files(int count, char **words) {
    int watcher = inotify_init1(0);
    for (int i = 0; i < count; i++) {
        int file = open(words[i], O_RDONLY);
        if (note(file) >= 0) TRY(words[i], flock(file, LOCK_SH | LOCK_NB));
        TRY(words[i], inotify_add_watch(watcher, words[i], IN_ALL_EVENTS));
    }
    return 0;
}

PROBES({"I01", system_v}, {"I02", posix}, {"I03", services}, {"I04", services}, {"I05", services}, {"I06", services},
       {"I07", services}, {"I08", supervisor_files}, {"I10", services})
