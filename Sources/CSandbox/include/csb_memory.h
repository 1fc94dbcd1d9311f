/* Reason for C: pipe2, memfd_create and the seals are GNU-only. */
#pragma once
#include <stddef.h>

/* pipe2(2) with O_CLOEXEC: 0, or -errno. */
int csb_pipe(int ends[2]);

/* A memfd with these bytes, sealed against every change; its descriptor, or -errno. */
int csb_sealed_memory(const char *name, const void *bytes, size_t size);
