/* Reason for C: no wrapper in Debian 12's C library. */
#pragma once
#include <stdint.h>

/* pidfd_send_signal(2): 0, or -errno. */
int csb_kill(int pidfd, int number);

/* The process behind a pidfd, by its id in the caller's pid namespace; 0 when it is gone. */
int csb_pid_of(int pidfd);

/* The network namespace's cookie of a socket (SO_NETNS_COOKIE, Linux 5.14), or 0. */
uint64_t csb_namespace_cookie(int socket);

/* The Landlock ABI of the kernel, 0 for none. */
int csb_landlock_abi(void);
