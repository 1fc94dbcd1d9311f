#define _GNU_SOURCE
#include "csb_socket.h"
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Ours in one packet, and what the kernel lets anybody send (SCM_MAX_FD, include/net/scm.h): with room for all of them
   it closes none itself. */
enum { CSB_SO_PEERPIDFD = 77, CSB_SO_PASSRIGHTS = 83 }; /* asm-generic/socket.h of Linux 6.5 and 6.16 */
enum { CSB_MAX_DESCRIPTORS = 16, CSB_SCM_MAX = 253 };
/* Packets of an ended connection that are looked at: more than an agent's longest message has, and few enough
   to be read at once. Only the sender's buffer says how many may wait, by default 278 empty ones (SO_SNDBUF):
   net.unix.max_dgram_qlen is not for who is connected both ways (unix_dgram_sendmsg of net/unix/af_unix.c). */
enum { CSB_LAST_PACKETS = 64 };

union control {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int) * CSB_SCM_MAX)];
};

ssize_t csb_send(int socket, const void *data, size_t size, const int *descriptors, int count, int flags) {
    if (count < 0 || count > CSB_MAX_DESCRIPTORS) return -E2BIG;
    union control control = {0};
    struct iovec part = {(void *)data, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * (size_t)count);
    }
    ssize_t sent;
    do sent = sendmsg(socket, &message, flags);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

/* Whether the next packet has descriptors beside it, which stay where they are: to a reader without room for them the
   kernel says that some are missing, and lets go of second references, never of the last. Or -errno. */
static int brings_descriptors(int socket, int flags) {
    struct msghdr message = {0};
    ssize_t received;
    do received = recvmsg(socket, &message, flags | MSG_PEEK);
    while (received < 0 && errno == EINTR);
    return received < 0 ? -errno : (message.msg_flags & MSG_CTRUNC) != 0;
}

ssize_t csb_receive(int socket, void *data, size_t size, int *descriptors, int *count, int flags) {
    union control control = {0};
    struct iovec part = {data, size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    int brings = *count == 0 ? brings_descriptors(socket, flags) : 0;
    if (brings != 0) {
        *count = 0;
        return brings < 0 ? brings : -EMSGSIZE;
    }
    ssize_t received;
    do received = recvmsg(socket, &message, flags);
    while (received < 0 && errno == EINTR);
    if (received < 0) {
        *count = 0;
        return -errno;
    }
    int found = 0, wanted = *count, all[CSB_SCM_MAX];
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t bytes = header->cmsg_len - CMSG_LEN(0);
        for (size_t at = 0; at + sizeof(int) <= bytes && found < CSB_SCM_MAX; at += sizeof(int))
            memcpy(&all[found++], CMSG_DATA(header) + at, sizeof(int));
    }
    if (found > wanted || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        csb_close_aside(0, all, found);
        *count = 0;
        return -EMSGSIZE;
    }
    memcpy(descriptors, all, sizeof(int) * (size_t)found);
    *count = found;
    return received;
}

/* The next packet of an ended connection: 1 when it brings no descriptor, 0 at the end, or -errno. With
   SO_PASSCRED each packet has its sender's credentials, in front of descriptors (scm_recv of
   include/net/scm.h), and the end has none: an empty packet reads like it otherwise. */
static int looked_at(int socket) {
    char credentials[CMSG_SPACE(sizeof(struct ucred))];
    struct msghdr message = {.msg_control = credentials, .msg_controllen = sizeof credentials};
    ssize_t received;
    do received = recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (received < 0 && (errno == EINTR || errno == ECONNRESET));
    if (received < 0) return -errno;
    if (message.msg_flags & MSG_CTRUNC) return -EMSGSIZE;
    return message.msg_controllen > 0;
}

/* From the shutdown on nobody sends anything: who does looks for it under the lock under which it is queued
   (unix_dgram_sendmsg of net/unix/af_unix.c). */
int csb_end(int socket) {
    int on = 1;
    if (shutdown(socket, SHUT_RDWR) < 0) return 0;
    if (setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) return 0;
    for (int i = 0; i < CSB_LAST_PACKETS; i++) {
        int next = looked_at(socket);
        if (next <= 0) return next == 0;
        /* What is longer than nothing is cut, and gone. */
        if (recv(socket, 0, 0, MSG_DONTWAIT) < 0) return 0;
    }
    return 0;
}

int csb_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int csb_takes_descriptors(int socket) {
    int on = 1;
    socklen_t size = sizeof on;
    return getsockopt(socket, SOL_SOCKET, CSB_SO_PASSRIGHTS, &on, &size) < 0 || on;
}

int csb_peer(int socket, uid_t *user, pid_t *process) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -errno;
    *user = peer.uid;
    *process = peer.pid;
    return 0;
}

int csb_peer_process(int socket) {
    int process = -1;
    socklen_t size = sizeof process;
    return getsockopt(socket, SOL_SOCKET, CSB_SO_PEERPIDFD, &process, &size) < 0 ? -errno : process;
}

int csb_strerror(int number, char *buffer, size_t size) {
    const char *text = strerror_r(number, buffer, size);
    if (text != buffer) snprintf(buffer, size, "%s", text);
    return 0;
}
