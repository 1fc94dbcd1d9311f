#pragma once

/* Questions to the kernel that Swift cannot ask: raw system calls, and work in a throw-away child, because a
   forked Swift process may do nothing but system calls. */

/* memfd_create(2) with MFD_CLOEXEC: a descriptor, or -errno. Glibc declares it under _GNU_SOURCE only. */
int csb_probe_memfd(const char *name);
