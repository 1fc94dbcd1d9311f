/* Constants newer than Debian 12's headers (Linux 6.1 UAPI), each with the kernel header that defines it, and the
   few system calls without a wrapper. */
#pragma once
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A system call's result as value or -errno. */
static inline long csb_result(long value) { return value < 0 ? -errno : value; }
#define CSB(...) csb_result(syscall(__VA_ARGS__))

/* linux/mount.h */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC 02000000
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define CSB_MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#define CSB_MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#define CSB_FSCONFIG_SET_FLAG 0
#define CSB_FSCONFIG_SET_STRING 1
#define CSB_FSCONFIG_CMD_CREATE 6
#define CSB_FSCONFIG_CMD_RECONFIGURE 7
#define CSB_ATTR_RDONLY 0x00000001
#define CSB_ATTR_NOSUID 0x00000002
#define CSB_ATTR_NODEV 0x00000004
#define CSB_ATTR_NOEXEC 0x00000008
#define CSB_ATTR_IDMAP 0x00100000

struct csb_mount_attr {
    uint64_t attr_set, attr_clr, propagation, userns_fd;
};

/* linux/openat2.h */
#define CSB_RESOLVE_NO_XDEV 0x01
#define CSB_RESOLVE_NO_MAGICLINKS 0x02
#define CSB_RESOLVE_NO_SYMLINKS 0x04
#define CSB_RESOLVE_BENEATH 0x08
#define CSB_RESOLVE_IN_ROOT 0x10

struct csb_open_how {
    uint64_t flags, mode, resolve;
};

/* linux/landlock.h of Linux 6.12 */
struct csb_landlock_ruleset {
    uint64_t handled_access_fs, handled_access_net, scoped;
};
struct csb_landlock_path {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));
