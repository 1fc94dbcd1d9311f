/* Reason for C: Glibc's module lacks the CMSG macros and GNU-only functions. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Sends one packet with count descriptors beside it; bytes sent, or -errno. */
ssize_t csb_send(int socket, const void *data, size_t size, const int *descriptors, int count, int flags);

/* Takes one packet of at most size bytes and *count descriptors (16 at most), with close-on-exec if flags say so;
   bytes received, or -errno. A packet that does not fit is -EMSGSIZE, and its descriptors are closed aside: closing what
   a stranger sent can block for as long as the stranger wants (SO_LINGER, socket(7)). For a reader that wants none, one
   with descriptors is not even taken: it stays, and goes with the socket, which has to be closed aside. */
ssize_t csb_receive(int socket, void *data, size_t size, int *descriptors, int *count, int flags);

/* accept4(2) with SOCK_CLOEXEC | SOCK_NONBLOCK. */
int csb_accept(int listener);

/* strerror_r(3), XSI form: 0 or an error number. */
int csb_strerror(int number, char *buffer, size_t size);

/* Who is at the other end of a UNIX socket when it was connected (SO_PEERCRED, unix(7)): 0, or -errno. */
int csb_peer(int socket, uid_t *user, pid_t *process);

/* A pidfd, with close-on-exec, of the process that connected a UNIX socket (SO_PEERPIDFD, Linux 6.5), or -errno:
   -ENOPROTOOPT where the kernel has none. */
int csb_peer_process(int socket);

/* Closes descriptors that strangers had a hand in, and a socket with what is queued on it, on one of a few
   threads. They are counted as the sender's, a number of the caller's; 0 for nobody's. Where no thread can be
   had a sender's wait until one can, and nobody's are -errno, and stay open. */
int csb_close_aside(uint64_t sender, const int *descriptors, int count);

/* How many of a sender's wait for that, those that are being closed with them; of all senders for 0. Where they
   wait for a thread, it is tried again. */
int csb_waiting_aside(uint64_t sender);

/* Ends a connection of whole packets both ways, and takes what was sent; the peer still reads what it was
   sent. 1 when no descriptor is queued on it, nor ever will be, so that closing it waits for nobody; 0 when
   one is, or may be. */
int csb_end(int socket);

/* Whether a peer can queue descriptors on a UNIX socket (SO_PASSRIGHTS, Linux 6.16): 1 where the kernel does not say. */
int csb_takes_descriptors(int socket);
