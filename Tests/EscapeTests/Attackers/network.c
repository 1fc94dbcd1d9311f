/* Section N: sockets of every kind, and other network namespaces. */
#include "probe.h"
#include <arpa/inet.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

/* What a connection says, within a bound; 1 when it is the canary of an outsider's. */
static int greets(int peer, const char *where) {
    char text[64] = "";
    struct pollfd watched = {peer, POLLIN, 0};
    if (poll(&watched, 1, 5000) <= 0) return 0;
    if (note(recv(peer, text, sizeof text - 1, 0)) <= 0 || !strstr(text, "canary4711")) return 0;
    return reached("%s", where);
}

static int connects(const void *address, size_t size, const char *where) {
    int peer = socket(((const struct sockaddr *)address)->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int found = note(peer) >= 0 && note(connect(peer, address, (socklen_t)size)) == 0 && greets(peer, where);
    close(peer);
    return found;
}

static struct sockaddr_in on_loopback(const char *port) {
    return (struct sockaddr_in){AF_INET, htons((uint16_t)atoi(port)), {htonl(INADDR_LOOPBACK)}, {0}};
}

/* N02: PORT of the host's loopback. */
static int host_loopback(int count, char **words) {
    if (count < 1) return 0;
    struct sockaddr_in address = on_loopback(words[0]);
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = address.sin_port, .sin6_addr = in6addr_loopback};
    if (connects(&address, sizeof address, "127.0.0.1")) return 1;
    if (connects(&six, sizeof six, "::1")) return 1;
    inet_pton(AF_INET, "127.0.0.53", &address.sin_addr);
    if (connects(&address, sizeof address, "127.0.0.53")) return 1;
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &six.sin6_addr);
    return connects(&six, sizeof six, "::ffff:127.0.0.1");
}

/* N04, N18: an abstract NAME. N05: PATHS. */
static int local_name(const char *name, size_t length, const char *where) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (length > sizeof address.sun_path) return 0;
    memcpy(address.sun_path, name, length);
    return connects(&address, offsetof(struct sockaddr_un, sun_path) + length, where);
}

static int abstract(int count, char **words) {
    char name[100] = "";
    return count > 0 && local_name(name, (size_t)snprintf(name + 1, sizeof name - 1, "%s", words[0]) + 1, words[0]);
}

static int paths(int count, char **words) {
    for (int i = 0; i < count; i++)
        if (local_name(words[i], strlen(words[i]) + 1, words[i])) return 1;
    return 0;
}

static int opens(int family, int type, int protocol) {
    int made = socket(family, type | SOCK_CLOEXEC, protocol);
    if (note(made) < 0) return 0;
    close(made);
    return reached("socket(%d, %d, %d)", family, type, protocol);
}

static int opens_any(int family, int protocol) {
    for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++)
        if (opens(family, type, protocol)) return 1;
    return 0;
}

static int vsock(int count, char **words) {
    return (void)count, (void)words, opens_any(40, 0);
}

static int algorithms(int count, char **words) {
    return (void)count, (void)words, opens_any(38, 0);
}

/* N08: every family but UNIX, INET, INET6 and NETLINK, and numbers above all that are known. */
static int families(int count, char **words) {
    (void)count, (void)words;
    for (int family = 0; family < 80; family++) {
        if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK) continue;
        if (opens_any(family, 0) || opens_any(family, family == AF_PACKET ? htons(3) : 2)) return 1;
    }
    TRY("a family with high bits", syscall(SYS_socket, 0x100000000L | 38, SOCK_SEQPACKET, 0));
    int pair[2];
    TRY("a pair of INET", socketpair(AF_INET, SOCK_STREAM, 0, pair));
    return 0;
}

/* N09: every NETLINK protocol but ROUTE. */
static int netlink(int count, char **words) {
    (void)count, (void)words;
    for (int protocol = 1; protocol < 32; protocol++)
        if (opens(AF_NETLINK, SOCK_RAW, protocol)) return 1;
    return 0;
}

/* N10: packet filters in a user namespace of its own. */
static int filters(int count, char **words) {
    (void)count, (void)words;
    if (note(unshare(CLONE_NEWUSER | CLONE_NEWNET)) < 0) return 0;
    return opens(AF_NETLINK, SOCK_RAW, 12);
}

/* N11: what would pass beside a gateway for TCP: RAW, ping, MPTCP, SCTP, DCCP, UDP-Lite. */
static int transports(int count, char **words) {
    (void)count, (void)words;
    static const int kinds[][2] = {{SOCK_RAW, 1}, {SOCK_RAW, 255}, {SOCK_DGRAM, 1}, {SOCK_STREAM, 262}, {SOCK_STREAM, 132},
                                   {SOCK_SEQPACKET, 132}, {6 /* DCCP */, 33}, {SOCK_DGRAM, 136}, {SOCK_RAW, 58}, {SOCK_DGRAM, 58}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (opens(AF_INET, kinds[i][0], kinds[i][1]) || opens(AF_INET6, kinds[i][0], kinds[i][1])) return 1;
    TRY("a protocol with high bits", syscall(SYS_socket, AF_INET, SOCK_STREAM, 0x100000000L | 262));
    return 0;
}

/* N12: a socket by i386's socketcall(2), from this 64-bit program. */
static int legacy_socket(void) {
    uint32_t *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (words == MAP_FAILED) return 1;
    words[0] = AF_UNIX, words[1] = SOCK_STREAM, words[2] = 0;
    long result = 102; /* socketcall */
    __asm__ volatile("int $0x80" : "+a"(result) : "b"(1L /* SYS_SOCKET */), "c"((long)(uintptr_t)words) : "memory", "r8", "r9", "r10", "r11");
    return (int)result >= 0 ? 0 : 1;
}

static int socketcall(int count, char **words) {
    (void)count, (void)words;
    int code = in_child(legacy_socket);
    if (code > 0) last_error = ENOSYS;
    return code == 0 ? reached("a socket through int 0x80") : 0;
}

/* N13: the x32 calls. */
static int x32_call(void) {
    return syscall(0x40000000 | SYS_getpid) > 0 ? 0 : 1;
}

static int x32(int count, char **words) {
    (void)count, (void)words;
    int code = in_child(x32_call);
    if (code > 0) last_error = ENOSYS;
    return code == 0 ? reached("getpid of x32") : 0;
}

/* N14, S06: io_uring. */
static int ring(int count, char **words) {
    char parameters[120] = {0};
    (void)count, (void)words;
    TRY("io_uring_setup", syscall(425, 4, parameters));
    return 0;
}

/* N15: an address given with the data, to PORT of the host's loopback. */
static int data_first(int count, char **words) {
    if (count < 1) return 0;
    struct sockaddr_in address = on_loopback(words[0]);
    int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (note(sendto(peer, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (void *)&address, sizeof address)) >= 0 && greets(peer, "MSG_FASTOPEN"))
        return 1;
    struct iovec data = {"x", 1};
    struct mmsghdr message = {{&address, sizeof address, &data, 1, NULL, 0, 0}, 0};
    peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return note(sendmmsg(peer, &message, 1, MSG_FASTOPEN | MSG_NOSIGNAL)) >= 0 && greets(peer, "sendmmsg");
}

/* N16: somebody else's namespaces, and what is behind one's own. */
static int other_namespace(int count, char **words) {
    (void)count, (void)words;
    const char *names[] = {"/proc/1/ns/net", "/run/netns/*", "/proc/1/ns/mnt", "/proc/1/ns/user", "/proc/self/ns/net"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        glob_t found;
        if (glob(names[i], 0, NULL, &found) != 0) continue;
        for (size_t k = 0; k < found.gl_pathc; k++) {
            int space = open(found.gl_pathv[k], O_RDONLY | O_CLOEXEC);
            if (note(space) < 0) continue;
            TRY(found.gl_pathv[k], setns(space, 0));
            TRY("NS_GET_USERNS", ioctl(space, NS_GET_USERNS));
            TRY("NS_GET_PARENT", ioctl(space, NS_GET_PARENT));
        }
    }
    int init = (int)syscall(SYS_pidfd_open, 1, 0);
    if (note(init) >= 0) TRY("setns by pidfd", setns(init, CLONE_NEWNET));
    return 0;
}

/* N18: listens on every address at PORT and at the abstract NAME, says so, and waits until a connection or the end of
   standard input comes. */
static int listens(int count, char **words) {
    if (count < 2) return 0;
    struct sockaddr_in any = {AF_INET, htons((uint16_t)atoi(words[0])), {INADDR_ANY}, {0}};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    size_t length = (size_t)snprintf(local.sun_path + 1, sizeof local.sun_path - 1, "%s", words[1]) + 1;
    struct pollfd watched[3] = {{0, POLLIN, 0}, {socket(AF_INET, SOCK_STREAM, 0), POLLIN, 0}, {socket(AF_UNIX, SOCK_STREAM, 0), POLLIN, 0}};
    setsockopt(watched[1].fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(watched[1].fd, (void *)&any, sizeof any) < 0) return perror("bind"), 0;
    if (bind(watched[2].fd, (void *)&local, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0) return perror("bind"), 0;
    listen(watched[1].fd, 4), listen(watched[2].fd, 4);
    puts("up");
    poll(watched, 3, 60000);
    int found = 0;
    for (int i = 1; i < 3; i++) {
        int peer = watched[i].revents ? accept(watched[i].fd, NULL, NULL) : -1;
        if (peer < 0) continue;
        (void)!send(peer, "canary4711\n", 11, MSG_NOSIGNAL);
        found = reached("from outside");
    }
    return found;
}

PROBES({"N02", host_loopback}, {"N04", abstract}, {"N05", paths}, {"N06", vsock}, {"N07", algorithms}, {"N08", families},
       {"N09", netlink}, {"N10", filters}, {"N11", transports}, {"N12", socketcall}, {"N13", x32}, {"N14", ring},
       {"N15", data_first}, {"N16", other_namespace}, {"N18", listens})
