/* What a front-end says to the supervisor, written by hand: one packet is a flag byte and the message. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct message {
    size_t size;
    unsigned char bytes[30000];
};

static inline void put_byte(struct message *m, int value) { m->bytes[m->size++] = (unsigned char)value; }

static inline void put_number(struct message *m, uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) put_byte(m, (int)(value >> shift));
}

static inline void put_text(struct message *m, const char *text) {
    put_number(m, (uint32_t)strlen(text));
    memcpy(m->bytes + m->size, text, strlen(text));
    m->size += strlen(text);
}

/* Launch `touch MARK` under a profile, in the current directory. */
static inline struct message launch(const char *profile, const char *mark) {
    struct message m = {0};
    char here[4096];
    if (!getcwd(here, sizeof here)) exit(2);
    put_byte(&m, 0);
    put_byte(&m, 1);
    put_byte(&m, 0);
    put_text(&m, profile);
    put_byte(&m, 0);
    put_text(&m, here);
    put_byte(&m, 1);
    put_text(&m, here);
    put_number(&m, 2);
    put_text(&m, "/usr/bin/touch");
    put_text(&m, mark);
    put_number(&m, 0);
    put_byte(&m, 0);
    put_number(&m, 022);
    /* No origin, no token. */
    put_byte(&m, 0);
    put_byte(&m, 0);
    return m;
}

static inline int open_socket(const char *path, int kind, int serve) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int descriptor = socket(AF_UNIX, kind, 0);
    strncpy(name.sun_path, path, sizeof name.sun_path - 1);
    int status = serve ? bind(descriptor, (void *)&name, sizeof name) : connect(descriptor, (void *)&name, sizeof name);
    if (status == 0 && serve) status = listen(descriptor, 8);
    if (status == 0) return descriptor;
    close(descriptor);
    return -1;
}

static inline int open_control(void) { return open_socket("/.bailey/control", SOCK_SEQPACKET, 0); }

static inline void send_descriptors(int socket, const void *data, size_t size, const int *descriptors, int count) {
    char space[CMSG_SPACE(sizeof(int) * 64)] = {0};
    size_t length = sizeof(int) * (size_t)count;
    struct iovec part = {(void *)data, size};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = CMSG_SPACE(length)};
    struct cmsghdr *item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(length);
    memcpy(CMSG_DATA(item), descriptors, length);
    sendmsg(socket, &header, MSG_NOSIGNAL);
}

static inline int receive_descriptor(int socket) {
    char byte, space[CMSG_SPACE(sizeof(int))];
    struct iovec part = {&byte, 1};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    if (recvmsg(socket, &header, 0) < 1 || !CMSG_FIRSTHDR(&header)) return -1;
    int descriptor;
    memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof descriptor);
    return descriptor;
}
