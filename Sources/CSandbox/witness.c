/* Which socket is one end of a connection, asked of its network namespace from outside. */
#include "csb_witness.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int csb_witness(void) {
    int descriptor = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
    return descriptor < 0 ? -errno : descriptor;
}

static int64_t inode_of(const char *answer, size_t length) {
    const struct nlmsghdr *head = (const void *)answer;
    if (length < sizeof *head || head->nlmsg_len > length) return -EPROTO;
    if (head->nlmsg_type == NLMSG_ERROR && length >= NLMSG_LENGTH(sizeof(struct nlmsgerr))) {
        int error = ((const struct nlmsgerr *)NLMSG_DATA(head))->error;
        return error == -ENOENT ? 0 : error < 0 ? error : -EPROTO;
    }
    if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY || length < NLMSG_LENGTH(sizeof(struct inet_diag_msg))) return -EPROTO;
    return ((const struct inet_diag_msg *)NLMSG_DATA(head))->idiag_inode;
}

/* The kernel has answered when the question is sent: netlink(7), a request is carried out within sendto(2). */
int64_t csb_socket_inode(int witness, const struct csb_connection *connection) {
    static _Thread_local uint32_t number;
    struct { struct nlmsghdr head; struct inet_diag_req_v2 body; } question = {
        .head = {.nlmsg_len = sizeof question, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST,
                 .nlmsg_seq = ++number},
        .body = {.sdiag_family = (uint8_t)connection->family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u,
                 .id = {.idiag_sport = htons(connection->from_port), .idiag_dport = htons(connection->to_port),
                        .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    memcpy(question.body.id.idiag_src, connection->from, sizeof connection->from);
    memcpy(question.body.id.idiag_dst, connection->to, sizeof connection->to);
    if (send(witness, &question, sizeof question, MSG_NOSIGNAL) < 0) return -errno;
    _Alignas(struct nlmsghdr) char answer[1024];
    for (;;) {
        ssize_t length = recv(witness, answer, sizeof answer, 0);
        if (length < 0) return -errno;
        /* One that came too late for the question before is passed over. */
        if ((size_t)length < sizeof(struct nlmsghdr) || ((struct nlmsghdr *)answer)->nlmsg_seq == number)
            return inode_of(answer, (size_t)length);
    }
}
