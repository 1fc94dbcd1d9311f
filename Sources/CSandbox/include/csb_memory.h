/* Reason for C: memfd_create and the seals are GNU-only. */
#pragma once
#include <stddef.h>

/* A memfd with these bytes, sealed against every change; its descriptor, or -errno. */
int csb_sealed_memory(const char *name, const void *bytes, size_t size);
