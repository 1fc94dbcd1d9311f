/* Reason for C: Glibc's module lacks the CMSG macros and GNU-only functions. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

/* Sends one packet with count descriptors beside it; bytes sent, or -errno. */
ssize_t csb_send(int socket, const void *data, size_t size, const int *descriptors, int count, int flags);

/* Takes one packet of at most size bytes and *count descriptors (16 at most), with close-on-exec if flags say so;
   bytes received, or -errno. A packet that does not fit is -EMSGSIZE and its descriptors are closed. */
ssize_t csb_receive(int socket, void *data, size_t size, int *descriptors, int *count, int flags);

/* accept4(2) with SOCK_CLOEXEC | SOCK_NONBLOCK. */
int csb_accept(int listener);

/* strerror_r(3), XSI form: 0 or an error number. */
int csb_strerror(int number, char *buffer, size_t size);

/* Who is at the other end of a UNIX socket when it was connected (SO_PEERCRED, unix(7)): 0, or -errno. */
int csb_peer(int socket, uid_t *user, pid_t *process);
