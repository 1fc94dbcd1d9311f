/* Whose a TCP connection is, by the word of the network namespace that it ends in (sock_diag(7)). */
#ifndef CSB_WITNESS_H
#define CSB_WITNESS_H

#include <stdint.h>

/* One end and the other: an IPv4 address in the first four octets, in network order; ports in host order. */
struct csb_connection {
    int family;
    uint8_t from[16], to[16];
    uint16_t from_port, to_port;
};

/* A socket that answers such questions about this network namespace; -errno. */
int csb_witness(void);

/* The inode of the socket that is the `from` end; 0 when there is none, or nobody holds it; -errno. */
int64_t csb_socket_inode(int witness, const struct csb_connection *connection);

#endif
