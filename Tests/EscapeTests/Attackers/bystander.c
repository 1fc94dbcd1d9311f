/* Somebody of the host's whom attackers look for. Listens on loopback, at an abstract name and at each PATH (one that
   begins with @ is abstract), and tells whoever connects `canary4711`; holds a terminal, System V and POSIX objects; says
   when a signal comes. Prints what it has, then `up`; ends, and takes all away, when its standard input ends. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <stdlib.h>
#include <unistd.h>
#include <fcntl.h>

enum { most = 48 };
static struct pollfd watched[most] = {{0, POLLIN, 0}};
static nfds_t count = 1;

static void watch(int listener) {
    if (count == most || listener < 0 || listen(listener, 8) < 0) return perror("listen");
    watched[count++] = (struct pollfd){listener, POLLIN, 0};
}

static void at_name(const char *name, size_t length) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (length > sizeof address.sun_path) return;
    memcpy(address.sun_path, name, length);
    if (name[0] == '@') address.sun_path[0] = 0, length--;
    if (bind(listener, (void *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0) return perror(name);
    if (address.sun_path[0]) chmod(name, 0777);
    watch(listener);
}

static int on_loopback(int port) {
    struct sockaddr_in address = {AF_INET, htons((uint16_t)port), {htonl(INADDR_LOOPBACK)}, {0}};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (void *)&address, size) < 0) return -1;
    getsockname(listener, (void *)&address, &size);
    watch(listener);
    six.sin6_port = address.sin_port;
    listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (void *)&six, sizeof six) == 0) watch(listener);
    return ntohs(address.sin_port);
}

static void signalled(int number) {
    (void)number;
    (void)!write(1, "signalled\n", 10);
}

static void serve(void) {
    for (;;) {
        if (poll(watched, count, -1) < 0) continue;
        if (watched[0].revents) return;
        for (nfds_t i = 1; i < count; i++) {
            int peer = watched[i].revents ? accept(watched[i].fd, NULL, NULL) : -1;
            if (peer < 0) continue;
            (void)!send(peer, "canary4711\n", 11, MSG_NOSIGNAL);
            close(peer);
        }
    }
}

int main(int number, char **paths) {
    char name[64];
    int key = 0x4711000 + getpid(), port = on_loopback(0);
    signal(SIGUSR1, signalled), signal(SIGIO, signalled), signal(SIGPIPE, SIG_IGN);
    int length = snprintf(name + 1, sizeof name - 1, "bystander-%d", getpid());
    name[0] = 0;
    at_name(name, (size_t)length + 1);
    for (int i = 1; i < number; i++) at_name(paths[i], strlen(paths[i]) + 1);
    umask(0);
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    grantpt(terminal), unlockpt(terminal);
    int memory = shmget(key, 4096, IPC_CREAT | 0666), queue = msgget(key, IPC_CREAT | 0666),
        semaphore = semget(key, 1, IPC_CREAT | 0666);
    name[0] = '/';
    int shared = shm_open(name, O_CREAT | O_RDWR, 0666);
    mqd_t messages = mq_open(name, O_CREAT | O_RDWR, 0666, NULL);
    printf("port %d\nname %s\nkey %d\npid %d\nup\n", port, name + 1, key, getpid());
    fflush(stdout);
    serve();
    shmctl(memory, IPC_RMID, NULL), msgctl(queue, IPC_RMID, NULL), semctl(semaphore, 0, IPC_RMID);
    shm_unlink(name), mq_unlink(name);
    close(terminal), close(shared), mq_close(messages);
    for (int i = 1; i < number; i++) unlink(paths[i]);
    return 0;
}
