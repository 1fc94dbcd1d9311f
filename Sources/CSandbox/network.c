/* The agent's network namespace: loopback, a local route for every address, capture, and the listeners that leave
   it by descriptor. */
#define _GNU_SOURCE
#include "launch.h"
#include "csb_witness.h"
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Connections that wait to be accepted: the kernel's own bound (net.core.somaxconn, 4096). */
enum { BACKLOG = 4096, CONTROL_BACKLOG = 64, LOOPBACK_INDEX = 1 };
/* asm-generic/socket.h of Linux 6.16 */
enum { CSB_SO_PASSRIGHTS = 83 };
enum { CSB_IPV6_TRANSPARENT = 75, CSB_IPV6_FREEBIND = 78 };

static int loopback_up(void) {
    int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (any < 0) return -errno;
    struct ifreq request = {.ifr_flags = IFF_UP | IFF_RUNNING};
    memcpy(request.ifr_name, "lo", 3);
    int status = ioctl(any, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
    close(any);
    return status;
}

struct route {
    struct nlmsghdr header;
    struct rtmsg message;
    char attributes[32];
};

static void add_attribute(struct route *route, uint16_t type, uint32_t value) {
    struct rtattr *attribute = (void *)((char *)route + NLMSG_ALIGN(route->header.nlmsg_len));
    attribute->rta_type = type;
    attribute->rta_len = RTA_LENGTH(sizeof value);
    memcpy(RTA_DATA(attribute), &value, sizeof value);
    route->header.nlmsg_len = NLMSG_ALIGN(route->header.nlmsg_len) + RTA_LENGTH(sizeof value);
}

/* `local default dev lo`: every address is ours (ip-route(8), AnyIP). */
static int local_route(int netlink, int family) {
    int v6 = family == AF_INET6;
    struct route route = {
        .header =
            {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)), .nlmsg_type = RTM_NEWROUTE,
             .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL},
        .message =
            {.rtm_family = (unsigned char)family, .rtm_table = v6 ? RT_TABLE_MAIN : RT_TABLE_LOCAL,
             .rtm_protocol = RTPROT_BOOT, .rtm_scope = v6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_HOST, .rtm_type = RTN_LOCAL},
    };
    add_attribute(&route, RTA_OIF, LOOPBACK_INDEX);
    /* Without it the source of a connection would be its own destination. */
    if (!v6) add_attribute(&route, RTA_PREFSRC, htonl(INADDR_LOOPBACK));
    if (send(netlink, &route, route.header.nlmsg_len, 0) < 0) return -errno;
    char bytes[1024];
    ssize_t size = recv(netlink, bytes, sizeof bytes, 0);
    if (size < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr))) return size < 0 ? -errno : -EPROTO;
    struct nlmsghdr *header = (void *)bytes;
    return header->nlmsg_type == NLMSG_ERROR ? ((struct nlmsgerr *)NLMSG_DATA(header))->error : -EPROTO;
}

static int routes(void) {
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (netlink < 0) return -errno;
    int status = local_route(netlink, AF_INET);
    if (status == 0) status = local_route(netlink, AF_INET6);
    close(netlink);
    return status;
}

static int set_flag(int descriptor, int level, int name) {
    int on = 1;
    return setsockopt(descriptor, level, name, &on, sizeof on) < 0 ? -errno : 0;
}

/* An IPv6 socket that serves IPv4 too, bound to every address at port. */
static int bound(int kind, uint16_t port, int (*prepare)(int)) {
    int descriptor = socket(AF_INET6, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int off = 0;
    int status = setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0 ? -errno : prepare(descriptor);
    if (status == 0 && bind(descriptor, (void *)&address, sizeof address) < 0) status = -errno;
    if (status == 0) return descriptor;
    close(descriptor);
    return status;
}

static int transparent(int descriptor) {
    int status = set_flag(descriptor, IPPROTO_IP, IP_TRANSPARENT);
    return status ? status : set_flag(descriptor, IPPROTO_IPV6, CSB_IPV6_TRANSPARENT);
}

/* Answers leave from the address that was asked. */
static int any_destination(int descriptor) {
    int status = set_flag(descriptor, IPPROTO_IPV6, CSB_IPV6_FREEBIND);
    if (status == 0) status = set_flag(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO);
    return status ? status : set_flag(descriptor, IPPROTO_IP, IP_PKTINFO);
}

static int export(struct csb_context *context, int which, int descriptor) {
    if (descriptor < 0) return descriptor;
    context->exports[which] = descriptor;
    return 0;
}

static int listener(struct csb_context *context, uint16_t port) {
    int descriptor = bound(SOCK_STREAM, port, transparent);
    if (descriptor >= 0 && listen(descriptor, BACKLOG) < 0) return -errno;
    return export(context, CSB_EXPORT_LISTENER, descriptor);
}

/* The control socket lives in the agent's own mount namespace; no path of the host's leads to it. */
static int control(struct csb_context *context, const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    int descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    /* No descriptor travels outward: closing one that an agent made can take as long as it likes (SO_LINGER). Accepted
       sockets inherit it; kernels before 6.16 do not know it, and there csb_receive closes aside. */
    int off = 0;
    if (setsockopt(descriptor, SOL_SOCKET, CSB_SO_PASSRIGHTS, &off, sizeof off) < 0 && errno != ENOPROTOOPT) return -errno;
    if (bind(descriptor, (void *)&address, sizeof address) < 0 || listen(descriptor, CONTROL_BACKLOG) < 0) return -errno;
    return export(context, CSB_EXPORT_CONTROL, descriptor);
}

static int refusals(struct csb_context *context) {
    int status = export(context, CSB_EXPORT_REFUSALS_V4, csb_refusals(AF_INET));
    return status ? status : export(context, CSB_EXPORT_REFUSALS_V6, csb_refusals(AF_INET6));
}

/* What it says is evidence: an agent is launched without, where the kernel was built without. */
static int witness(struct csb_context *context) {
    int descriptor = csb_witness();
    return descriptor == -EPROTONOSUPPORT ? 0 : export(context, CSB_EXPORT_WITNESS, descriptor);
}

int csb_network_op(struct csb_context *context, const struct csb_op *op) {
    switch (op->kind) {
    case CSB_CONTROL: return control(context, csb_text(context, op->path));
    case CSB_LOOPBACK: return loopback_up();
    case CSB_ROUTES: return routes();
    case CSB_CAPTURE: return csb_nft_capture((uint16_t)op->a);
    case CSB_LISTEN: return listener(context, (uint16_t)op->a);
    case CSB_RESOLVER:
        return export(context, CSB_EXPORT_RESOLVER, bound(SOCK_DGRAM, (uint16_t)op->a, any_destination));
    case CSB_WITNESS: return witness(context);
    case CSB_REFUSALS: return refusals(context);
    default: return -ENOSYS;
    }
}
