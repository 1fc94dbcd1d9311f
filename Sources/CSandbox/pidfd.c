#define _GNU_SOURCE
#include "csb_pidfd.h"
#include "kernel.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

int csb_kill(int pidfd, int number) { return (int)CSB(SYS_pidfd_send_signal, pidfd, number, 0, 0); }

int csb_pid_of(int pidfd) {
    char path[48], text[512];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    if (size <= 0) return 0;
    text[size] = 0;
    const char *line = strstr(text, "\nPid:");
    int process = line ? atoi(line + 5) : 0;
    return process > 0 ? process : 0;
}

uint64_t csb_namespace_cookie(int socket) {
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) < 0 ? 0 : cookie;
}

int csb_landlock_abi(void) {
    long abi = CSB(SYS_landlock_create_ruleset, 0, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
    return abi < 0 ? 0 : (int)abi;
}
