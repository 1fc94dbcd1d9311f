#define _GNU_SOURCE
#include "csb_files.h"
#include "kernel.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

int csb_open_beneath(int folder, const char *name, int flags) {
    struct csb_open_how how = {
        .flags = (uint64_t)(unsigned)flags | O_CLOEXEC | O_NOFOLLOW,
        .resolve = CSB_RESOLVE_NO_XDEV | CSB_RESOLVE_NO_MAGICLINKS | CSB_RESOLVE_NO_SYMLINKS | CSB_RESOLVE_BENEATH};
    return (int)CSB(SYS_openat2, folder, name, &how, sizeof how);
}

int csb_open_straight(const char *path, int flags) {
    struct csb_open_how how = {
        .flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
        .resolve = CSB_RESOLVE_NO_MAGICLINKS | CSB_RESOLVE_NO_SYMLINKS};
    return (int)CSB(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

int csb_rename(int folder, const char *from, const char *to, unsigned flags) {
    return (int)csb_result(renameat2(folder, from, folder, to, flags));
}

int csb_is_opaque(int folder) {
    char value[2];
    ssize_t size = fgetxattr(folder, "user.overlay.opaque", value, sizeof value);
    if (size < 0) return errno == ENODATA || errno == EOPNOTSUPP ? 0 : errno == ERANGE ? -EUCLEAN : -errno;
    return size == 1 && value[0] == 'y';
}

static int copy_range(int from, int to, int64_t start, int64_t end) {
    char block[1 << 15];
    while (start < end) {
        size_t wanted = end - start < (int64_t)sizeof block ? (size_t)(end - start) : sizeof block;
        ssize_t got = pread(from, block, wanted, start);
        if (got <= 0) return got < 0 ? -errno : -ESTALE;
        for (ssize_t done = 0; done < got;) {
            ssize_t put = pwrite(to, block + done, (size_t)(got - done), start + done);
            if (put < 0) return -errno;
            done += put;
        }
        start += got;
    }
    return 0;
}

int csb_copy(int from, int to, int64_t size) {
    if (ftruncate(to, size) < 0) return -errno;
    for (int64_t end, start = 0; start < size; start = end) {
        start = lseek(from, start, SEEK_DATA);
        if (start < 0) return errno == ENXIO ? 0 : -errno;
        end = lseek(from, start, SEEK_HOLE);
        if (end < 0) return -errno;
        if (end > size) end = size;
        int status = copy_range(from, to, start, end);
        if (status < 0) return status;
    }
    return 0;
}

/* Where a file has bytes again, from `at` on; its size when it has none. */
static int64_t next_data(int file, int64_t at, int64_t size) {
    int64_t next = lseek(file, at, SEEK_DATA);
    return next < 0 ? errno == ENXIO ? size : at : next;
}

int csb_is_same(int one, int other, int64_t size) {
    char blocks[2][1 << 15];
    for (int64_t at = 0; at < size;) {
        int64_t mine = next_data(one, at, size), theirs = next_data(other, at, size);
        at = mine < theirs ? mine : theirs;
        if (at >= size) break;
        ssize_t first = pread(one, blocks[0], sizeof blocks[0], at);
        ssize_t second = pread(other, blocks[1], sizeof blocks[1], at);
        if (first < 0 || second < 0) return -errno;
        if (first != second || first == 0 || memcmp(blocks[0], blocks[1], (size_t)first)) return 0;
        at += first;
    }
    return 1;
}

static int make(int folder, const char *name, int is_folder) {
    if (is_folder) return (int)csb_result(mkdirat(folder, name, 0755));
    return (int)csb_result(openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
}

/* By the system calls themselves, which are the calling thread's alone; they say who it was before, and do not say
   whether they have failed (setfsuid(2)). */
static int be(uid_t user, gid_t group) {
    syscall(SYS_setfsgid, group);
    syscall(SYS_setfsuid, user);
    return (uid_t)syscall(SYS_setfsuid, -1) == user && (gid_t)syscall(SYS_setfsgid, -1) == group;
}

int csb_make_owned(int folder, const char *name, int is_folder) {
    struct stat owner;
    if (fstat(folder, &owner) < 0) return -errno;
    if (geteuid() != 0 || owner.st_uid == 0) return make(folder, name, is_folder);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct rights[2];
    int status = (int)CSB(SYS_capget, &header, rights);
    if (status < 0) return status;
    uid_t user = (uid_t)syscall(SYS_setfsuid, -1);
    gid_t group = (gid_t)syscall(SYS_setfsgid, -1);
    int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    /* Who has no such id here, or may not, makes what is root's. Another user has not root's rights to files, which go
       on to hold where the owner has taken their own right to write (capabilities(7)). */
    if (!be(owner.st_uid, owner.st_gid)) be(user, group);
    status = (int)CSB(SYS_capset, &header, rights);
    if (status == 0) status = make(folder, name, is_folder);
    be(user, group);
    CSB(SYS_capset, &header, rights);
    /* That of the whole process, which each change of the kind takes (prctl(2)). */
    prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0);
    return status;
}

int csb_try_lock(int file, int exclusive) {
    if (flock(file, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) return 1;
    return errno == EWOULDBLOCK ? 0 : -errno;
}

int csb_open_folder(int folder, const char *path, int across) {
    struct csb_open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME,
        .resolve = CSB_RESOLVE_NO_MAGICLINKS | CSB_RESOLVE_NO_SYMLINKS | CSB_RESOLVE_BENEATH |
                   (across ? 0 : CSB_RESOLVE_NO_XDEV)};
    int opened = (int)CSB(SYS_openat2, folder, path, &how, sizeof how);
    if (opened != -EPERM) return opened;
    /* Only the owner may leave the time of access alone (open(2)). */
    how.flags &= ~(uint64_t)O_NOATIME;
    return (int)CSB(SYS_openat2, folder, path, &how, sizeof how);
}

int csb_entries(int folder, void *buffer, size_t size) {
    return (int)CSB(SYS_getdents64, folder, buffer, size);
}

int csb_is_kernels(int file) {
    struct statfs status;
    if (fstatfs(file, &status) < 0) return -errno;
    switch ((uint32_t)status.f_type) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
    case SECURITYFS_MAGIC:
    case DEVPTS_SUPER_MAGIC: return 1;
    default: return 0;
    }
}
