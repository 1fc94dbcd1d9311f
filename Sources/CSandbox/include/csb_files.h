/* Files by descriptor. Reason for C: calls that glibc's module lacks, and loops over a file's bytes. All give a value
   or -errno. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* What a name in a folder is, opened: never through a symbolic link, out of the folder or into another mount. */
int csb_open_beneath(int folder, const char *name, int flags);

/* An absolute path that no symbolic link is part of. */
int csb_open_straight(const char *path, int flags);

/* renameat2(2) within one folder. */
int csb_rename(int folder, const char *from, const char *to, unsigned flags);
enum { CSB_RENAME_NEW = 1, CSB_RENAME_EXCHANGE = 2 };

/* Whether overlayfs shows of a folder of an upper layer only what is in that layer (user.overlay.opaque). */
int csb_is_opaque(int folder);

/* Copies a file's bytes into an empty one, its holes as holes. */
int csb_copy(int from, int to, int64_t size);

/* Whether two files begin with the same so many bytes; holes that both have are not read. */
int csb_is_same(int one, int other, int64_t size);

/* Makes an empty folder (0), or an empty file, open for writing (its descriptor). As root, it is from its first moment the
   user's and the group's whose folder it is made in: what is given away later, by a name, may be something else by then. */
int csb_make_owned(int folder, const char *name, int is_folder);

/* 1 when the lock of an open file is now this process's, or shared with others that asked likewise; 0 when it is held. */
int csb_try_lock(int file, int exclusive);

/* A folder beneath another, to be read: never through a symbolic link, nor into another mount but where across says so. */
int csb_open_folder(int folder, const char *path, int across);

/* The next entries of an open folder as getdents64(2) gives them: how many bytes, 0 at the end. */
int csb_entries(int folder, void *buffer, size_t size);

/* Whether an open file is on a file system of the kernel's own, where there are no files of anybody's (statfs(2)). */
int csb_is_kernels(int file);
