/* Reason for C: pipe2, memfd_create and the seals are GNU-only. */
#pragma once
#include <stddef.h>

/* pipe2(2) with O_CLOEXEC: 0, or -errno. */
int csb_pipe(int ends[2]);

/* An empty memfd; its descriptor, or -errno. */
int csb_open_memory(const char *name);

/* Appends bytes: 0, or -errno. */
int csb_append_memory(int memory, const void *bytes, size_t size);

/* Seals it against every change: 0, or -errno. */
int csb_seal_memory(int memory);
