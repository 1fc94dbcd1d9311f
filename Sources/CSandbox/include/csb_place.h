/* What an open file is, in one look. Reason for C: statx(2) and its mount number. */
#pragma once
#include <stdint.h>

struct csb_seen {
    uint64_t mount; /* the one it was opened in, by the number in proc_pid_mountinfo(5) */
    uint64_t device, inode;
    uint32_t mode, links, user, group;
};

/* 0, or -errno. */
int csb_see(int file, struct csb_seen *seen);
