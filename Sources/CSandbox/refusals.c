/* How the gateway hears of datagrams that the agent's network namespace refuses. */
#define _GNU_SOURCE
#include "launch.h"
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <sys/socket.h>

/* Filters name what is kept out: raw(7), RFC 3542 section 3.2. */
int csb_refusals(int family) {
    struct icmp_filter v4 = {~(1u << ICMP_DEST_UNREACH)};
    struct icmp6_filter v6;
    ICMP6_FILTER_SETBLOCKALL(&v6);
    ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &v6);
    int is_v6 = family == AF_INET6;
    int descriptor = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
    if (descriptor < 0) return -errno;
    int status = is_v6 ? setsockopt(descriptor, IPPROTO_ICMPV6, ICMP6_FILTER, &v6, sizeof v6)
                       : setsockopt(descriptor, SOL_RAW, ICMP_FILTER, &v4, sizeof v4);
    if (status == 0) return descriptor;
    status = -errno;
    close(descriptor);
    return status;
}
