/* Questions to the kernel. Reason for C: raw system calls, and work in a throw-away child, because a forked Swift
   process may do nothing but system calls. */
#pragma once
#include <stddef.h>

/* What is tried. Those of the second block run in a child, in namespaces of its own. */
enum csb_probe {
    CSB_PROBE_PIDFD,          /* pidfd_open(2) */
    CSB_PROBE_CLOSE_RANGE,    /* close_range(2) */
    CSB_PROBE_OPENAT2,        /* openat2(2) with RESOLVE_IN_ROOT */
    CSB_PROBE_MEMFD,          /* memfd_create(2) with seals */
    CSB_PROBE_NETNS_COOKIE,   /* SO_NETNS_COOKIE */
    CSB_PROBE_DEV_NULL,       /* /dev/null opens for writing */

    CSB_PROBE_KEYRING,        /* a session keyring of its own */
    CSB_PROBE_NO_NEW_PRIVS,   /* prctl(2) PR_SET_NO_NEW_PRIVS */
    CSB_PROBE_USER,           /* a user namespace, with its id maps */
    CSB_PROBE_NAMESPACES,     /* all namespaces of an agent at once */
    CSB_PROBE_MOUNTS,         /* fsopen, open_tree, mount_setattr, move_mount */
    CSB_PROBE_TMPFS,          /* a tmpfs with a size */
    CSB_PROBE_DEVPTS,         /* a devpts instance */
    CSB_PROBE_PROC,           /* a fresh procfs in a pid namespace */
    CSB_PROBE_NESTED_PROC,    /* the same one level deeper: what an agent's child needs */
    CSB_PROBE_TRANSPARENT,    /* a transparent listener in a network namespace */
    CSB_PROBE_CAPTURE,        /* the nftables batch */
    CSB_PROBE_REFUSALS,       /* raw ICMP sockets in a network namespace */
    CSB_PROBE_ID_MAPPED,      /* an id-mapped clone of the current folder's mount; root only */
    CSB_PROBES,
};

/* 0 when it works, else -errno; -ETIMEDOUT when the child did not end in five seconds. */
int csb_probe(enum csb_probe what);

/* Mounts `lower` of a folder with `layer` above it in a user namespace, and takes `inner` away in it: 0, or -errno. */
int csb_probe_overlay(int folder);

/* Loads a filter program (struct sock_filter) in a child: 0, or -errno. */
int csb_probe_filter(const void *program, size_t bytes);

/* memfd_create(2) with MFD_CLOEXEC: a descriptor, or -errno. Glibc declares it under _GNU_SOURCE only. */
int csb_probe_memfd(const char *name);
