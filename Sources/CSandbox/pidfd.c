#define _GNU_SOURCE
#include "csb_pidfd.h"
#include "kernel.h"
#include <sys/socket.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

int csb_kill(int pidfd, int number) { return (int)CSB(SYS_pidfd_send_signal, pidfd, number, 0, 0); }

uint64_t csb_namespace_cookie(int socket) {
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) < 0 ? 0 : cookie;
}

int csb_landlock_abi(void) {
    long abi = CSB(SYS_landlock_create_ruleset, 0, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
    return abi < 0 ? 0 : (int)abi;
}
