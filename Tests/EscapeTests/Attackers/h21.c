/* H21: hands the supervisor a TCP socket whose close takes as long as its maker wants: SO_LINGER and bytes that nobody
   reads. `h21 SECONDS` says REACHED when the descriptor was taken and its maker has no other. */
#include "control.h"
#include <arpa/inet.h>
#include <netinet/in.h>

static int lingering(int seconds, int *peer) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM, 0), socket_ = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (void *)&name, sizeof name) < 0 || listen(listener, 1) < 0) return -1;
    if (getsockname(listener, (void *)&name, &size) < 0 || connect(socket_, (void *)&name, sizeof name) < 0) return -1;
    *peer = accept(listener, 0, 0);
    close(listener);
    fcntl(socket_, F_SETFL, O_NONBLOCK);
    static char bytes[65536];
    while (write(socket_, bytes, sizeof bytes) > 0) continue;
    struct linger linger = {1, seconds};
    return setsockopt(socket_, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) < 0 ? -1 : socket_;
}

int main(int count, char **arguments) {
    int peer = -1, descriptor = lingering(count > 1 ? atoi(arguments[1]) : 30, &peer);
    int control = open_control();
    if (descriptor < 0 || control < 0) return perror("set-up"), 2;
    /* The supervisor has packets to read first: when it gets to this one, the sender's own descriptor is closed. */
    static char fill[30000];
    fill[0] = 1;
    int busy[40];
    for (int i = 0; i < 40; i++) busy[i] = open_control();
    for (int i = 0; i < 40; i++)
        for (int k = 0; k < 6; k++) (void)!send(busy[i], fill, sizeof fill, MSG_DONTWAIT | MSG_NOSIGNAL);
    char space[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {fill, 1};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    struct cmsghdr *item = CMSG_FIRSTHDR(&header);
    *item = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(item), &descriptor, sizeof descriptor);
    if (sendmsg(control, &header, MSG_NOSIGNAL) < 0) {
        puts("HELD");
        descriptor = -1;
    } else {
        close(descriptor);
        puts("REACHED");
    }
    fflush(stdout);
    for (;;) pause();
}
