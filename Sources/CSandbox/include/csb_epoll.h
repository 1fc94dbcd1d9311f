/* Reason for C: the Swift toolchain's C library module leaves sys/epoll.h out. */
#pragma once
#include <stdint.h>

/* epoll_create1(2), closed on exec: the descriptor, or -errno. */
int csb_epoll_open(void);

/* Waits for a descriptor to be readable, hung up or in error, and calls it `key`: 0, or -errno. */
int csb_epoll_add(int epoll, int descriptor, uint64_t key);

/* No longer waits for a descriptor: 0, or -errno. */
int csb_epoll_remove(int epoll, int descriptor);

/* The most keys that csb_epoll_wait gives at a time. */
enum { CSB_EPOLL_BATCH = 64 };

/* The keys of those that are ready within so many milliseconds (-1: however long it takes): how many, or -errno. */
int csb_epoll_wait(int epoll, uint64_t keys[CSB_EPOLL_BATCH], int milliseconds);
